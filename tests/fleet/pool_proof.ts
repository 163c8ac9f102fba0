/**
 * Four nodes of a pool at one mosquitto, under load: one is drained, one is killed and its session
 * expires, one is upgraded. Every command is accounted for.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { commandTopic, poolSubscription, poolTopic } from "../../src/protocol/topics.ts";
import type { Inbox } from "../support/events.ts";
import type { Mosquitto } from "../support/mosquitto.ts";
import { type Message, TestClient } from "../support/mqtt_client.ts";
import { NodeProcess } from "../support/node_process.ts";
import { World } from "../support/world.ts";

/** What became of the commands. */
export interface PoolReport {
  readonly commands: number;
  /** How many were answered in the end. */
  readonly answered: number;
  /** How often a command was sent again because no node had room for it: the broker has said so. */
  readonly noRoom: number;
  /** How many waited in the session of the node that was killed, when that expired. */
  readonly expired: number;
  /** How many of those the node had not stored: lost, and sent again. */
  readonly lost: number;
  /** How many each node answered. */
  readonly byNode: Readonly<Record<string, number>>;
  /** What is not as it should be. */
  readonly problems: readonly string[];
}

const POOL = "gpu";
const RESPONSES = "pool-proof/replies";

/** How long a sender waits before it sends again what no node had room for. */
const NO_ROOM_MS = 20;

/** Sends that many commands and does to the nodes what is to be survived. */
export async function provePool(commands: number): Promise<PoolReport> {
  await using world = await World.withMosquitto();
  await using nodes = new Nodes(world);
  for (const name of ["a", "b", "c", "d"]) await nodes.start(name);
  await using sender = await Sender.connect(world);
  const ids = Array.from({ length: commands }, (_, index) => `p${index}`);
  const until = (share: number) => Math.round(commands * share);

  await sender.send(ids.slice(0, until(0.25)));
  const drained = nodes.end("b", "SIGQUIT");
  await sender.send(ids.slice(until(0.25), until(0.5)));
  await sender.answered(ids.slice(0, until(0.5)));
  await sender.whenRoom("c");
  // Too little for one of them to be full: it is killed with work in hand, and as a member.
  await sender.send(ids.slice(until(0.5), until(0.5) + 4));
  await nodes.end("c", "SIGKILL");
  await sender.send(ids.slice(until(0.5) + 4, until(0.6)));
  const expired = await nodes.expireSession("c");
  await nodes.start("c");
  await sender.send(ids.slice(until(0.6), until(0.75)));
  const upgraded = nodes.end("d", "SIGTERM").then(() => nodes.start("d"));
  await sender.send(ids.slice(until(0.75)));
  await upgraded;
  const code = (await drained).code;

  // What was in the session when it expired is answered only if the node had acknowledged it.
  await sender.answered(ids.filter((id) => !expired.includes(id)));
  const lost = expired.filter((id) => !sender.hasAnswer(id));
  await sender.send(lost);
  await sender.answered(ids);

  const ran = (await Deno.readTextFile(`${world.folder}/ledger`)).trimEnd().split("\n");
  const problems = [
    ...(code === 0 ? [] : [`the drained node ended with ${code}`]),
    ...ids.flatMap((id) => {
      const times = ran.filter((line) => line === id).length;
      return times === 1 ? [] : [`${id} ran ${times} times`];
    }),
    ...sender.problems,
  ];
  const { noRoom, byNode } = sender;
  return {
    ...{ commands, noRoom, byNode, problems, expired: expired.length, lost: lost.length },
    answered: ids.filter((id) => sender.hasAnswer(id)).length,
  };
}

/** How it went, in a paragraph of Markdown. */
export function describePool(report: PoolReport): string {
  const { commands, answered, noRoom, expired, lost, byNode, problems } = report;
  const nodes = Object.entries(byNode).sort().map(([name, count]) => `${name} ${count}`).join(", ");
  return `Four nodes of a pool shared ${commands} commands at one mosquitto. Under load, one was drained; one was
killed while it had commands, and its session was discarded as the broker does after an hour; one
was stopped and started again. ${answered} commands were answered, and each ran once (${nodes}): ${problems.length} problems.
${noRoom} times the broker reported that no node had room, and the sender sent the command again. The
discarded session held ${expired} commands, ${lost} of which the node had not stored. These, and no others,
were lost, and were answered after the sender had sent them again.
${problems.slice(0, 50).map((problem) => `\n- ${problem}`).join("")}`;
}

/** The nodes, each in a process of its own with a state folder of its own. */
class Nodes implements AsyncDisposable {
  readonly #world: World<Mosquitto>;
  readonly #running = new Map<string, NodeProcess>();

  constructor(world: World<Mosquitto>) {
    this.#world = world;
  }

  async start(name: string): Promise<void> {
    const node = await NodeProcess.start(this.#world, {
      yaml: {
        inference: 'echo "$CYBERWAVE_REQUEST_ID" >>ledger; echo done',
        ...{ pool: POOL, pool_prefetch: 4, concurrency: 2, upload_results: false },
        log_job_output: "none",
      },
      args: ["--slug", name],
      stateFolder: this.#stateFolder(name),
    });
    await node.logged(`Joined the pool "${POOL}"`);
    this.#running.set(name, node);
  }

  /** Sends a signal and waits for the end. */
  end(name: string, signal: Deno.Signal): Promise<Deno.CommandStatus> {
    return this.#running.get(name)!.kill(signal);
  }

  /** Ends the session of a node with the pool as an hour would, and says which commands were in it. */
  async expireSession(name: string): Promise<string[]> {
    const node = (await Deno.readTextFile(`${this.#stateFolder(name)}/mqtt_client_id`)).trim();
    const digest = createHash("sha256").update(poolSubscription("", POOL)).digest("hex");
    const clientId = `${node}-pool-${digest.slice(0, 8)}`;
    const url = this.#world.broker.url;
    const found: string[] = [];
    {
      await using taken = await TestClient.connect(url, { clientId, clean: false });
      // What waits in the session comes before this.
      const mark = await taken.collect("pool-proof/mark");
      await taken.publish("pool-proof/mark", "");
      await mark.next();
      const waited = taken.received(poolTopic("", POOL)).all;
      found.push(...waited.map(({ text }) => JSON.parse(text).request_id));
    }
    await using _clean = await TestClient.connect(url, { clientId, clean: true });
    return [...new Set(found)];
  }

  #stateFolder(name: string): string {
    return `${this.#world.folder}/state-${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.values().map((node) => node[Symbol.asyncDispose]()));
  }
}

/** Somebody who sends as the rule for senders says, and counts. */
class Sender implements AsyncDisposable {
  readonly #client: TestClient;
  readonly #replies: Inbox<Message>;
  readonly #answered = new Set<string>();
  readonly problems: string[] = [];
  readonly byNode: Record<string, number> = {};
  noRoom = 0;

  private constructor(client: TestClient, replies: Inbox<Message>) {
    this.#client = client;
    this.#replies = replies;
  }

  static async connect(world: World<Mosquitto>): Promise<Sender> {
    const client = await TestClient.connect(world.broker.url);
    return new Sender(client, await client.collect(RESPONSES));
  }

  /** Sends commands, each again until there is a node that has room for it. */
  async send(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const properties = { responseTopic: RESPONSES, correlationData: Buffer.from(id) };
      const command = { command: "inference", request_id: id };
      while (!await this.#client.offer(poolTopic("", POOL), command, { properties })) {
        this.noRoom++;
        await new Promise((resolve) => setTimeout(resolve, NO_ROOM_MS));
      }
    }
  }

  /** Resolves when a node has room for commands of the pool. */
  async whenRoom(name: string): Promise<void> {
    const replies = await this.#client.collect("pool-proof/status");
    for (let isMember = false; !isMember;) {
      const properties = { responseTopic: "pool-proof/status" };
      const topic = commandTopic("", name);
      await this.#client.publish(topic, { command: "status", request_id: "s" }, { properties });
      const { text } = await replies.next();
      isMember = JSON.parse(JSON.parse(text).output).has_room;
    }
  }

  hasAnswer(id: string): boolean {
    return this.#answered.has(id);
  }

  /** Resolves when all of these are answered. */
  async answered(ids: readonly string[]): Promise<void> {
    while (ids.some((id) => !this.#answered.has(id))) {
      const { text } = await this.#replies.next();
      const { request_id: id, slug, status, output } = JSON.parse(text);
      if (status !== "ok" || output !== "done\n") this.problems.push(`${id} was answered ${text}`);
      if (!this.#answered.has(id)) this.byNode[slug] = (this.byNode[slug] ?? 0) + 1;
      this.#answered.add(id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}
