/** Nodes of a pool, and somebody who sends commands to it. */
import { Buffer } from "node:buffer";
import type { CloudNodeConfig } from "../../src/config/node_config.ts";
import { RecordingLogger } from "./events.ts";
import type { Mosquitto } from "./mosquitto.ts";
import { TestClient } from "./mqtt_client.ts";
import type { LocalNode, NodeOptions, Reply, World } from "./world.ts";

/** Where commands for the pool `gpu` go. */
export const TOPIC = "cyberwave/cloud-node/pool/gpu/command";

/** A node of the pool, in this process. */
export interface Member extends AsyncDisposable {
  readonly local: LocalNode;
  readonly logger: RecordingLogger;
}

/** Runs a node of the pool `gpu`, or another, with a state folder of its own. */
export async function join(
  world: World<Mosquitto>,
  name: string,
  settings: CloudNodeConfig,
  options: NodeOptions = {},
): Promise<Member> {
  const logger = new RecordingLogger();
  const stateFolder = `${world.folder}/state-${name}`;
  const config = { pool: "gpu", uploadResults: false, stateFolder, ...settings };
  const local = await world.runNode(config, { slug: name, logger, ...options });
  await logger.logged(`Joined the pool "${config.pool}"`);
  return { local, logger, [Symbol.asyncDispose]: () => local[Symbol.asyncDispose]() };
}

/** Somebody who sends commands to the pool, and is answered on a topic of his own. */
export class PoolSender implements AsyncDisposable {
  private constructor(
    readonly client: TestClient,
    readonly replies: Awaited<ReturnType<TestClient["collect"]>>,
  ) {}

  static async connect(world: World<Mosquitto>): Promise<PoolSender> {
    const client = await TestClient.connect(world.broker.url);
    return new PoolSender(client, await client.collect("my/replies"));
  }

  /** Sends a command; resolves with whether there was a node to give it to. */
  send(requestId: string, command = "inference", topic = TOPIC): Promise<boolean> {
    const correlationData = Buffer.from(requestId);
    const properties = { responseTopic: "my/replies", correlationData };
    return this.client.offer(topic, { command, request_id: requestId }, { properties });
  }

  /** Sends a command, again and again under the same id, until there is a node that takes it. */
  async sendUntilTaken(requestId: string): Promise<void> {
    while (!await this.send(requestId));
  }

  async reply(requestId: string): Promise<Reply> {
    const { text } = await this.replies.next(({ properties }) =>
      properties!.correlationData!.toString() === requestId
    );
    return JSON.parse(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}
