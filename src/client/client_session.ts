/**
 * The connection of a client: it sends commands, and receives replies and progress.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { BrokerError } from "../errors.ts";
import type { Logger } from "../log.ts";
import {
  type Broker,
  type Failure,
  type Inbound,
  MqttConnection,
  PublishRefusedError,
} from "../mqtt/connection.ts";
import { hostAndPort } from "../mqtt/endpoint.ts";
import {
  clientResponseTopic,
  commandTopic,
  poolStatusTopic,
  poolTopic,
  progressTopic,
  responseTopic,
} from "../protocol/topics.ts";
import { backoff, systemClock } from "../time.ts";
import { type CommandProgress, decodeProgress } from "./command_progress.ts";
import { type CommandReply, decodeReply } from "./command_reply.ts";
import { type PendingCall, PendingCalls } from "./pending_calls.ts";
import { ReplyStream } from "./reply_stream.ts";

/** One node, or any node of a pool. */
export type NodeAddress =
  | { readonly uuid: string }
  | { readonly slug: string }
  | { readonly pool: string };

/** What a session is made from. */
interface SessionOptions {
  readonly broker: Omit<Broker, "clientId" | "forget">;
  /** What stands in front of every topic. */
  readonly topicPrefix: string;
  readonly address: NodeAddress;
  readonly logger: Logger;
}

/** A command to send. */
interface OutgoingCommand {
  readonly command: string;
  readonly requestId: string;
  /** JSON. Default: none. */
  readonly params?: string;
  /** The node to send it to. Default: that of the session. */
  readonly to?: NodeAddress;
}

/** How long a broker keeps a status request for nodes that are away, in seconds. */
const EXPIRY_SECONDS = 10;

/** How the broker's log names this client, before what is random. */
const CLIENT_ID = "cyberwave-cloud-node-run";

/** How often a message is sent while it is unknown whether the broker has received it. */
const MAX_SENDS = 3;

/** How long to wait before a command is sent again that no node of a pool had room for. */
const NO_ROOM = { min: 500, max: 5_000 };

/** A connection for one node, which is made again when it is lost. */
export class ClientSession implements AsyncDisposable {
  readonly #options: SessionOptions;
  readonly #connection: MqttConnection;
  readonly #calls = new PendingCalls();
  readonly #streams = new Set<ReplyStream>();
  readonly #topics: { readonly own: string; readonly replies: string; readonly progress: string };
  readonly #refused = new Map<string, string>();
  readonly #ended = new AbortController();
  readonly #firstFailure = Promise.withResolvers<never>();
  #running: Promise<void> | undefined;
  #failures = 0;
  #isOpen = false;

  private constructor(options: SessionOptions) {
    const { broker, topicPrefix, address } = options;
    const clientId = `${CLIENT_ID}-${crypto.getRandomValues(new Uint8Array(8)).toHex()}`;
    // A node replies under its UUID. Who has only its slug listens to all.
    const uuid = "uuid" in address ? address.uuid : "+";
    this.#options = options;
    this.#topics = {
      own: clientResponseTopic(topicPrefix, clientId),
      replies: responseTopic(topicPrefix, uuid),
      progress: progressTopic(topicPrefix, uuid),
    };
    this.#connection = new MqttConnection({
      ...broker,
      clientId,
      // What is answered while the connection is lost comes when it is made again.
      forget: "when ended",
      logger: this.#logger(),
      onMessage: (message) => this.#receive(message),
      onConnected: ({ version }) => this.#connected(version),
      onRefusedTopic: ({ topic, why }) => this.#refused.set(topic, why),
      onFailure: (failure) => this.#failed(failure),
    });
    this.#firstFailure.promise.catch(() => {});
  }

  /**
   * Connects, unless `signal` aborts first.
   *
   * @throws {BrokerError} if that fails
   */
  static async open(options: SessionOptions, signal?: AbortSignal): Promise<ClientSession> {
    const session = new ClientSession(options);
    const { own, replies } = session.#topics;
    await session.#connection.setTopics([own, replies]);
    session.#running = session.#connection.run(session.#ended.signal);
    try {
      const connected = session.#connection.whenConnected(signal);
      await Promise.race([connected, session.#firstFailure.promise]);
      return session;
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Sends a command whose reply is awaited. Its reply is rejected when `signal` aborts. */
  async call(
    command: OutgoingCommand,
    signal: AbortSignal,
    onProgress?: (progress: CommandProgress) => void,
  ): Promise<PendingCall["reply"]> {
    signal.throwIfAborted();
    const correlation = crypto.getRandomValues(new Uint8Array(16));
    const call = this.#calls.add(command.requestId, correlation.toHex(), onProgress);
    const abort = () => call.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      if (onProgress !== undefined) await Promise.race([this.#listenForProgress(), call.reply]);
      await Promise.race([this.#publish(command, signal, correlation), call.reply]);
      return await call.reply;
    } catch (error) {
      call.reject(error);
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Sends a command. Resolves when the broker has it. */
  send(command: OutgoingCommand, signal: AbortSignal): Promise<void> {
    return this.#publish(command, signal);
  }

  /**
   * Asks all nodes of a pool for their status. Resolves with the replies that come in time, or as
   * soon as all `wanted` nodes, by their slugs, have replied.
   */
  async survey(
    pool: string,
    wanted: readonly string[],
    waitMs: number,
    signal: AbortSignal,
  ): Promise<CommandReply[]> {
    const requestId = crypto.randomUUID();
    const found = new Map<string, CommandReply>();
    const stream = this.replies();
    try {
      await this.#connection.whenConnected(signal);
      const topic = poolStatusTopic(this.#options.topicPrefix, pool);
      const properties = { responseTopic: this.#topics.own, messageExpiryInterval: EXPIRY_SECONDS };
      const question = encode({ command: "status", requestId });
      await this.#connection.publish(topic, question, { properties });
      const over = () => stream.end();
      systemClock.sleep(waitMs, signal).then(over, over);
      for await (const reply of stream) {
        if (reply.requestId === requestId) found.set(reply.instanceUuid, reply);
        const slugs = new Set(found.values().map(({ slug }) => slug));
        if (wanted.length > 0 && wanted.every((slug) => slugs.has(slug))) break;
      }
    } finally {
      stream.return();
    }
    signal.throwIfAborted();
    return [...found.values()];
  }

  /** The replies of the node from now on, whoever asked for them. */
  replies(): ReplyStream {
    const stream = new ReplyStream(() => this.#streams.delete(stream));
    if (this.#ended.signal.aborted) stream.end();
    this.#streams.add(stream);
    return stream;
  }

  /** Disconnects. What still waits is rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#calls.fail(new BrokerError("The client was closed before the reply came"));
    for (const stream of this.#streams) stream.end();
    await this.#running;
  }

  async #publish(
    command: OutgoingCommand,
    signal: AbortSignal,
    correlationData?: Uint8Array,
  ): Promise<void> {
    const address = command.to ?? this.#options.address;
    const topic = topicOf(address, this.#options.topicPrefix);
    const isHeard = correlationData !== undefined && !this.#refused.has(this.#topics.own);
    const properties = isHeard
      ? { responseTopic: this.#topics.own, correlationData: Buffer.from(correlationData) }
      : undefined;
    for (let [sends, unheard] = [1, 0];;) {
      await this.#connection.whenConnected(signal);
      try {
        const isTaken = await this.#connection.publish(topic, encode(command), { properties });
        if (isTaken || !("pool" in address)) return;
      } catch (error) {
        // The node runs a command that comes twice under one request id once.
        if (error instanceof PublishRefusedError || sends++ === MAX_SENDS) throw error;
        continue;
      }
      // No node had room. The broker has thrown the command away.
      await systemClock.sleep(backoff(unheard++, NO_ROOM), signal);
    }
  }

  async #listenForProgress(): Promise<void> {
    const { own, replies, progress } = this.#topics;
    await this.#connection.setTopics([own, replies, progress]);
  }

  #receive({ topic, payload, properties }: Inbound): void {
    if (topic.endsWith("/progress")) {
      const progress = decodeProgress(payload);
      if (progress !== undefined) this.#calls.progressed(progress);
      return;
    }
    const reply = decodeReply(payload);
    if (reply === undefined) return;
    const isOwn = topic === this.#topics.own;
    // A message on a node's topic counts as that node's, whatever name it contains.
    if (!isOwn && !["", topic.split("/").at(-2)].includes(reply.instanceUuid)) return;
    this.#calls.replied(reply, isOwn ? properties?.correlationData?.toString("hex") : undefined);
    // What comes on both topics is one reply.
    if (isOwn && !this.#refused.has(this.#topics.replies)) return;
    const { address } = this.#options;
    if ("slug" in address && reply.slug !== address.slug) return;
    for (const stream of this.#streams) stream.push(reply);
  }

  #connected(version: "5" | "3.1.1"): void {
    const { own, replies } = this.#topics;
    const why = this.#refused.get(replies);
    if (why !== undefined && (version === "3.1.1" || this.#refused.has(own))) {
      const hint = "uuid" in this.#options.address
        ? "Use a user name that may read this node's responses"
        : "Give the node's UUID: then only this node's replies are asked for (--uuid)";
      const message = `The broker refused the subscription to replies: ${why}`;
      return this.#fail(new BrokerError(message, { hint }));
    }
    this.#isOpen = true;
  }

  #failed({ kind, why, hint }: Failure): void {
    // It goes on to ask for 3.1.1.
    const mayFallBack = this.#failures++ === 0 && (kind === "version" || kind === "silence");
    if (mayFallBack || (this.#isOpen && kind !== "trouble")) return;
    const where = hostAndPort(this.#options.broker);
    const message = `Cannot connect to the broker at ${where}: ${why}`;
    const check = "Check mqtt_host and mqtt_port, or --mqtt-host and --mqtt-port";
    this.#fail(new BrokerError(message, { hint: hint ?? check }));
  }

  #fail(error: BrokerError): void {
    this.#firstFailure.reject(error);
    this.#calls.fail(error);
  }

  /** Nothing is logged before it is connected: whoever opens it gets an error. */
  #logger(): Logger {
    const { logger } = this.#options;
    const once = (level: keyof Logger) => (line: string) => {
      if (this.#isOpen) logger[level](line);
    };
    return { debug: once("debug"), info: once("info"), warn: once("warn"), error: once("error") };
  }
}

function topicOf(address: NodeAddress, prefix: string): string {
  if ("pool" in address) return poolTopic(prefix, address.pool);
  return commandTopic(prefix, "uuid" in address ? address.uuid : address.slug);
}

function encode({ command, requestId, params }: OutgoingCommand): string {
  const text = JSON.stringify({ command, request_id: requestId });
  return params === undefined ? text : `${text.slice(0, -1)},"params":${params}}`;
}
