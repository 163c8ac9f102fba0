/** Everything around a node: a backend, a broker, a state folder, and somebody who sends commands. */
import { CloudNode } from "../../src/cloud_node.ts";
import type { CloudNodeConfig } from "../../src/config/node_config.ts";
import { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { MqttFrontEnd } from "../../src/dev/mqtt_front_end.ts";
import type { Call, CallMatcher } from "../../src/dev/rest_calls.ts";
import type { RunResult } from "../../src/node/options.ts";
import type { CloudNodeOptions, NodeIdentity, RunOptions } from "../../src/node/options.ts";
import { type Inbox, inTime } from "./events.ts";
import { Mosquitto, type MosquittoOptions } from "./mosquitto.ts";
import { type Message, TestClient } from "./mqtt_client.ts";

/** A reply of a node. */
export interface Reply {
  readonly status: "ok" | "error";
  readonly request_id: string | number | null;
  readonly slug: string;
  readonly instance_uuid: string;
  readonly output?: string;
  readonly error?: string;
  readonly output_truncated?: true;
  readonly resources?: Readonly<Record<string, number>>;
}

/** Everything around a node, for the length of a test. */
export class World<Broker extends EmbeddedBroker | Mosquitto> implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;

  private constructor(
    readonly backend: EmulatedBackend,
    readonly broker: Broker,
    /** Where nodes and their workloads may leave files. */
    readonly folder: string,
    resources: AsyncDisposableStack,
  ) {
    this.#resources = resources;
  }

  /** Where nodes keep their state: it remains from one to the next. */
  get stateFolder(): string {
    return `${this.folder}/state`;
  }

  /** A world with the embedded broker. */
  static start(): Promise<World<EmbeddedBroker>> {
    return World.#around(() => EmbeddedBroker.start());
  }

  /** A world with a real broker, which can be killed. */
  static withMosquitto(options: MosquittoOptions = {}): Promise<World<Mosquitto>> {
    return World.#around(() => Mosquitto.start(options));
  }

  static async #around<Broker extends EmbeddedBroker | Mosquitto>(
    startBroker: () => Promise<Broker>,
  ): Promise<World<Broker>> {
    await using resources = new AsyncDisposableStack();
    const backend = resources.use(EmulatedBackend.start());
    const broker = resources.use(await startBroker());
    const folder = resources.adopt(
      await Deno.makeTempDir({ prefix: "cloud_node_" }),
      (path) => Deno.remove(path, { recursive: true }),
    );
    return new World(backend, broker, folder, resources.move());
  }

  /** Has the backend answer over MQTT as well: requests, and the statuses of workloads. */
  async answerOverMqtt(prefix = ""): Promise<void> {
    this.#resources.use(await MqttFrontEnd.start(this.backend, this.broker, prefix));
  }

  /** What a node needs to live here, and `settings` beside. */
  config(settings: CloudNodeConfig = {}): CloudNodeConfig {
    return {
      token: this.backend.token,
      apiUrl: this.backend.url,
      mqttHost: this.broker.host,
      mqttPort: this.broker.port,
      stateFolder: this.stateFolder,
      workFolder: this.folder,
      ...settings,
    };
  }

  /** Runs a node in this process and waits until it is ready. */
  runNode(settings: CloudNodeConfig = {}, options: NodeOptions = {}): Promise<LocalNode> {
    return LocalNode.start(this.config(settings), options);
  }

  /** The first call of the backend that matches and was not awaited before. Fails after 15 s. */
  called(matches: CallMatcher): Promise<Call> {
    return inTime(this.backend.nextCall(matches), `a call for which ${matches}`);
  }

  /** Connects somebody who sends commands to the node with this identity. */
  sender(node: NodeIdentity, prefix = ""): Promise<Sender> {
    return Sender.connect(`mqtt://${this.broker.host}:${this.broker.port}`, node, prefix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** What may be told about a node beside its config. */
export type NodeOptions = Omit<CloudNodeOptions, "config"> & Omit<RunOptions, "onReady">;

/** A node that runs in this process. */
export class LocalNode implements AsyncDisposable {
  private constructor(
    readonly node: CloudNode,
    readonly identity: NodeIdentity,
    /** Settles when it has stopped. */
    readonly ended: Promise<RunResult>,
  ) {}

  /** Runs a node and waits until it is ready. */
  static async start(config: CloudNodeConfig, options: NodeOptions = {}): Promise<LocalNode> {
    const { slug, env, logger, handlers, ...runOptions } = options;
    const node = new CloudNode({ config, slug, env, logger, handlers });
    const ready = Promise.withResolvers<NodeIdentity>();
    const ended = node.run({ ...runOptions, onReady: ready.resolve });
    ended.catch(() => {});
    const identity = await Promise.race([
      ready.promise,
      ended.then(() => Promise.reject(new Error("The node ended before it was ready"))),
    ]);
    return new LocalNode(node, identity, ended);
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop();
  }
}

/** Somebody who sends commands to a node and reads its replies. */
export class Sender implements AsyncDisposable {
  readonly #topic: string;

  private constructor(
    /** The connection. */
    readonly client: TestClient,
    /** Every reply as it came. */
    readonly inbox: Inbox<Message>,
    /** The node's. */
    readonly uuid: string,
    topic: string,
  ) {
    this.#topic = topic;
  }

  /** Connects, and listens for the replies of the node with this identity. */
  static async connect(url: string, { uuid }: NodeIdentity, prefix = ""): Promise<Sender> {
    const client = await TestClient.connect(url);
    const inbox = await client.collect(`${prefix}cyberwave/cloud-node/${uuid}/response`);
    return new Sender(client, inbox, uuid, `${prefix}cyberwave/cloud-node/${uuid}/command`);
  }

  /** Sends a command, or anything else, to the node's UUID. */
  send(message: string | Uint8Array | Record<string, unknown>): Promise<void> {
    return this.client.publish(this.#topic, message);
  }

  /** The next reply to the command with this id. */
  async reply(requestId: string | number | null): Promise<Reply> {
    const { text } = await this.inbox.next(({ text }) => JSON.parse(text).request_id === requestId);
    return JSON.parse(text);
  }

  /** Sends a command and waits for the reply to it. */
  async ask(command: { request_id: string } & Record<string, unknown>): Promise<Reply> {
    await this.send(command);
    return await this.reply(command.request_id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}
