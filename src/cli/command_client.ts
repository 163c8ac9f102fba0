/**
 * The other end of a node: sends it a command and waits for the reply.
 *
 * @module
 */
import { connectOnce, type Visit } from "../mqtt/connect_once.ts";
import type { MqttLink } from "../mqtt/link.ts";
import type { Inbound } from "../mqtt/message.ts";
import { hostAndPort } from "../mqtt/socket.ts";
import { BrokerError, CloudNodeError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../protocol/json.ts";
import { ObjectText } from "../protocol/object_text.ts";
import { commandTopic, responseTopic } from "../protocol/topics.ts";

/** A command to send. */
export interface CommandRequest {
  /** What to do. */
  readonly command: string;
  /** The id that the reply will carry. */
  readonly request_id: string;
  /** Its params. Those that are text stay as they were written. Default: none. */
  readonly params?: unknown;
}

/** Which node is meant. */
export type Address = { readonly uuid: string } | { readonly slug: string };

/** A reply, as far as it must be understood here. */
export interface ReceivedReply extends JsonObject {
  /** `ok`, or something else that means failure. */
  readonly status: string;
}

/** No reply came in time. */
export class NoReplyError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
}

/** Who waits for the replies, by their request ids. */
type Waiting = Map<string, (reply: ReceivedReply) => void>;

/** How the broker's log names this client, before what is random. */
const CLIENT_ID = "cyberwave-cloud-node-run";

/** A client that is connected to a broker. */
export class CommandClient implements AsyncDisposable {
  readonly #link: MqttLink;
  readonly #prefix: string;
  readonly #waiting: Waiting;

  private constructor(link: MqttLink, prefix: string, waiting: Waiting) {
    this.#link = link;
    this.#prefix = prefix;
    this.#waiting = waiting;
  }

  /**
   * Connects, unless `signal` aborts first: with MQTT 5, or 3.1.1 where the broker does not speak
   * that.
   *
   * @throws {BrokerError} if that fails
   */
  static async connect(
    broker: Visit,
    topicPrefix: string,
    signal: AbortSignal,
  ): Promise<CommandClient> {
    const waiting: Waiting = new Map();
    const visited = await connectOnce(broker, CLIENT_ID, signal, (message) => {
      const reply = decodeReply(message);
      if (reply !== undefined) waiting.get(String(reply.request_id))?.(reply);
    });
    if ("link" in visited) return new CommandClient(visited.link, topicPrefix, waiting);
    const { why, hint = "Check mqtt_host and mqtt_port, or --mqtt-host and --mqtt-port" } =
      visited.failure;
    throw new BrokerError(`Cannot connect to the broker at ${hostAndPort(broker)}: ${why}`, {
      hint,
    });
  }

  /**
   * Sends a command and resolves with its reply, unless `signal` aborts first.
   *
   * @throws {BrokerError} if the broker refuses something or goes away
   */
  async request(request: CommandRequest, to: Address, signal: AbortSignal): Promise<ReceivedReply> {
    signal.throwIfAborted();
    const id = request.request_id;
    const reply = Promise.withResolvers<ReceivedReply>();
    // Those who wait get the rejection, which may come before they do.
    reply.promise.catch(() => {});
    const abort = () => reply.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#waiting.set(id, reply.resolve);
    this.#link.closed.then(({ why }) =>
      reply.reject(new BrokerError(`The connection was lost before the reply came: ${why}`))
    );
    try {
      await Promise.race([this.#send(request, to), reply.promise]);
      return await reply.promise;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#waiting.delete(id);
    }
  }

  /** Disconnects. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#link.close();
    await this.#link.closed;
  }

  async #send(request: CommandRequest, to: Address): Promise<void> {
    await this.#subscribe(to);
    const topic = commandTopic(this.#prefix, "uuid" in to ? to.uuid : to.slug);
    await this.#link.publish(topic, encodeRequest(request));
  }

  /** A node replies under its UUID. Who has only its slug listens to all and picks by request id. */
  async #subscribe(to: Address): Promise<void> {
    const topic = responseTopic(this.#prefix, "uuid" in to ? to.uuid : "+");
    if (this.#link.topics.has(topic)) return;
    const [refused] = await this.#link.subscribe([topic]);
    if (refused === undefined) return;
    throw new BrokerError(`The broker refused the subscription to replies: ${refused.why}`, {
      hint: "uuid" in to
        ? "Use a user name that may read this node's responses"
        : "Give the node's UUID with --uuid: then only this node's replies are asked for",
    });
  }
}

function encodeRequest({ params, ...request }: CommandRequest): string {
  const json = params instanceof ObjectText ? params.text : JSON.stringify(params);
  const message = ObjectText.parse(JSON.stringify(request))!;
  return (json === undefined ? message : message.with("params", json)).text;
}

function decodeReply({ payload }: Inbound): ReceivedReply | undefined {
  try {
    const reply: unknown = JSON.parse(new TextDecoder().decode(payload));
    if (isJsonObject(reply) && typeof reply.status === "string") return reply as ReceivedReply;
  } catch {
    // Whatever that is, it is no reply.
  }
}
