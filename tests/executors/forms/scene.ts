/** A node whose `inference` has one of the forms, and somebody who sends it commands. */
import { assertEquals } from "@std/assert";
import type { CloudNodeConfig } from "../../../mod.ts";
import type { EmbeddedBroker } from "../../../src/dev/embedded_broker.ts";
import { inTime } from "../../support/events.ts";
import { fileWritten } from "../../support/files.ts";
import { type LocalNode, type Reply, type Sender, World } from "../../support/world.ts";
import type { Form, FormTraits, Params } from "./forms.ts";

/** A run of a command, as whatever ran it has noted it. */
interface Run {
  readonly id: string;
  readonly pid: number;
}

/** A node with room for one command at a time. */
export class Scene implements AsyncDisposable {
  readonly #world: World<EmbeddedBroker>;
  readonly #form: Form;
  readonly #resources: AsyncDisposableStack;
  readonly #sender: Sender;
  #node: LocalNode;

  private constructor(
    readonly traits: FormTraits,
    parts: { world: World<EmbeddedBroker>; form: Form; node: LocalNode; sender: Sender },
    resources: AsyncDisposableStack,
  ) {
    this.#world = parts.world;
    this.#form = parts.form;
    this.#node = parts.node;
    this.#sender = parts.sender;
    this.#resources = resources;
  }

  /** Starts a node. */
  static async start(traits: FormTraits): Promise<Scene> {
    await using resources = new AsyncDisposableStack();
    const world = resources.use(await World.start());
    const workFolder = `${world.folder}/work`;
    Deno.mkdirSync(workFolder);
    const form = resources.use(await traits.open(workFolder));
    const node = await world.runNode({ ...form.settings, workFolder }, form.options);
    const sender = resources.use(await world.sender(node.identity));
    return new Scene(traits, { world, form, node, sender }, resources.move());
  }

  /** Sends a command. */
  send(params: Params): Promise<void> {
    return this.#sender.send({ command: "inference", request_id: params.id, params });
  }

  /** Sends a command and resolves when it runs. It waits for `letGo`. */
  async begin(id: string): Promise<void> {
    await this.send({ id, do: "wait" });
    await inTime(fileWritten(`${this.#folder}/began-${id}`), `the start of ${id}`);
  }

  /** Lets a command go on. */
  letGo(id: string): void {
    Deno.writeTextFileSync(`${this.#folder}/go-${id}`, "");
  }

  /** The next reply to a command. */
  reply(id: string): Promise<Reply> {
    return this.#sender.reply(id);
  }

  /** Sends a command and waits for the reply. */
  async ask(params: Params): Promise<Reply> {
    await this.send(params);
    return await this.reply(params.id);
  }

  /** Has a command cancelled. */
  async cancel(id: string): Promise<void> {
    const reply = await this.#control("cancel", { workload_request_id: id });
    assertEquals([reply.status, reply.error], ["ok", undefined]);
  }

  /** The ids of the commands that are in hand, as the node's status says. */
  async activeIds(): Promise<readonly string[]> {
    const { output } = await this.#control("status", {});
    return JSON.parse(output!).active_workloads.map((it: { request_id: string }) => it.request_id);
  }

  /** Every run of every command so far. */
  runs(): Run[] {
    const text = Deno.readTextFileSync(`${this.#folder}/runs`);
    return text.trim().split("\n").map((line) => line.split("\t"))
      .map(([id, pid]) => ({ id, pid: Number(pid) }));
  }

  /** How often a command was run. */
  runsOf(id: string): number {
    try {
      return this.runs().filter((run) => run.id === id).length;
    } catch {
      return 0; // Nothing was run yet.
    }
  }

  /** Stops the node: what runs commands may go on. */
  stop(): Promise<void> {
    return this.#node.node.stop();
  }

  /** Starts the next node, with other settings. */
  async next(settings: CloudNodeConfig = {}): Promise<void> {
    const { settings: own, options } = this.#form;
    const all = { ...own, ...settings, workFolder: this.#folder };
    this.#node = await this.#world.runNode(all, options);
  }

  /** Lets the node finish what it has, and resolves when it has ended. */
  drain(): Promise<void> {
    return this.#node.node.drain();
  }

  /** Where whatever runs commands works. */
  get #folder(): string {
    return `${this.#world.folder}/work`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node[Symbol.asyncDispose]();
    await this.#resources.disposeAsync();
  }

  #control(command: string, params: Record<string, unknown>): Promise<Reply> {
    return this.#sender.ask({ command, request_id: crypto.randomUUID(), params });
  }
}
