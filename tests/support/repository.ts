/** Stand-in repositories, in the shape of real ones, and a node that a user starts in one. */
import { assertEquals } from "@std/assert";
import { cpSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import type { EmulatedWorkload } from "../../src/dev/rest_front_end.ts";
import { becomes } from "./followed.ts";
import { Program } from "./program.ts";
import { type Reply, type Sender, World } from "./world.ts";

/** Whether what the repositories take is there. */
export const HAS_PYTHON: boolean = new Deno.Command("bash", {
  args: ["-c", "command -v python3 && command -v curl"],
  stdout: "null",
}).outputSync().success;

/** A node that runs in a copy of a repository, as its user started it. */
export class Repository implements AsyncDisposable {
  #count = 0;

  private constructor(
    readonly world: World<EmbeddedBroker>,
    /** The copy. */
    readonly folder: string,
    readonly sender: Sender,
    readonly uuid: string,
    readonly resources: AsyncDisposableStack,
  ) {}

  /** Copies a repository, lets `prepare` change the copy, validates it and starts a node in it. */
  static async start(
    name: string,
    prepare: (folder: string) => Promise<void> = () => Promise.resolve(),
  ): Promise<Repository> {
    await using resources = new AsyncDisposableStack();
    const world = resources.use(await World.start());
    await world.answerOverMqtt();
    const cwd = `${world.folder}/repository`;
    cpSync(fileURLToPath(new URL(`../repositories/${name}`, import.meta.url)), cwd, {
      recursive: true,
    });
    await prepare(cwd);
    const env = {
      HOME: cwd,
      CYBERWAVE_API_TOKEN: world.backend.token,
      CYBERWAVE_API_URL: world.backend.url,
      CYBERWAVE_MQTT_HOST: world.broker.host,
      CYBERWAVE_MQTT_PORT: String(world.broker.port),
      CYBERWAVE_EDGE_CONFIG_DIR: world.stateFolder,
      CYBERWAVE_RESULTS_FOLDER: `${world.folder}/results`,
    };
    const validated = await Program.run(["validate", "--json"], { cwd, env });
    const { problems, warnings } = JSON.parse(validated.stdout);
    assertEquals([validated.code, problems, warnings], [0, [], []]);
    const program = resources.use(Program.start(["start"], { cwd, env }));
    await program.awaitLine(/is ready: waiting for commands/);
    const [identity] = world.backend.instances.values();
    const sender = resources.use(await world.sender(identity!));
    return new Repository(world, cwd, sender, identity!.uuid, resources.move());
  }

  /** Sends a command and waits for the reply. */
  ask(command: string, params: Record<string, unknown>): Promise<Reply> {
    return this.sender.ask({ command, params, request_id: `r${++this.#count}` });
  }

  /** Sends a command that the platform follows, and waits until it has ended well. */
  async follow(
    command: string,
    params: Record<string, unknown>,
  ): Promise<{ readonly output: string; readonly workload: EmulatedWorkload }> {
    const workload = this.world.backend.createWorkload(this.uuid);
    const completed = becomes(this.world, workload, "completed");
    const reply = await this.ask(command, { ...params, workload_uuid: workload.uuid });
    assertEquals(reply.error, undefined);
    await completed;
    return { output: reply.output!, workload };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }
}
