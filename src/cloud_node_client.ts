/**
 * The other end of a node, as a library.
 *
 * @module
 */
import {
  addressOf,
  CALL_OPTIONS,
  type CallOptions,
  type CancelOptions,
  CLIENT_OPTIONS,
  type CloudNodeClientOptions,
} from "./client/client_options.ts";
import type { ClientSession, NodeAddress } from "./client/client_session.ts";
import { CommandFailedError, type CommandReply, NoReplyError } from "./client/command_reply.ts";
import { type NodeStatus, readNodeStatus } from "./client/node_status.ts";
import { refuseUnknownKeys } from "./config/known_keys.ts";
import { checkSeconds } from "./config/values/numbers.ts";
import { resolveConfig } from "./config/resolve.ts";
import { ConfigError, messageOf, quoted } from "./errors.ts";
import { createLogger, type Logger } from "./log.ts";
import { tlsOf } from "./node/create/broker_settings.ts";
import { topicPrefix } from "./protocol/topics.ts";
import { systemClock } from "./time.ts";

/** Hears nothing. */
const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/**
 * Sends commands to one node and receives its replies. A connection that is lost is made again, and
 * what was answered meanwhile is not lost where the broker speaks MQTT 5.
 *
 * Over MQTT 5 replies come on a topic of this client alone; a node that does not know that, and a
 * broker of MQTT 3.1.1, are listened to on the node's response topic.
 *
 * @example
 * ```ts
 * import { CloudNodeClient, ConfigError } from "@cyberwave/cloud-node";
 *
 * async function infer(image: Uint8Array): Promise<string> {
 *   await using client = await CloudNodeClient.connect({
 *     slug: "my-gpu-node",
 *     token: Deno.env.get("CYBERWAVE_API_TOKEN"),
 *   });
 *   const params = { image_bytes_base64: image.toBase64() };
 *   const { output } = await client.call("inference", params, { timeout: 60 });
 *   return output;
 * }
 *
 * console.log(infer.name, ConfigError.name);
 * ```
 */
export class CloudNodeClient implements AsyncDisposable, AsyncIterable<CommandReply> {
  readonly #session: ClientSession;
  readonly #address: NodeAddress;

  private constructor(session: ClientSession, address: NodeAddress) {
    this.#session = session;
    this.#address = address;
  }

  /**
   * Connects to the broker: with MQTT 5, or 3.1.1 where that is all it speaks.
   *
   * @throws {ConfigError} if no node is named, or a setting is not what it should be
   * @throws {BrokerError} if the broker cannot be reached, or does not let this client in
   *
   * @example
   * ```ts
   * import { CloudNodeClient, ConfigError } from "@cyberwave/cloud-node";
   *
   * try {
   *   await CloudNodeClient.connect({});
   * } catch (error) {
   *   console.log(error instanceof ConfigError); // true: it does not say which node
   * }
   * ```
   */
  static async connect(options: CloudNodeClientOptions): Promise<CloudNodeClient> {
    refuseUnknownKeys(options, CLIENT_OPTIONS, "option");
    const { slug, uuid, pool, logger: sink = SILENT, signal, ...config } = options;
    const address = addressOf({ slug, uuid, pool });
    const settings = resolveConfig(config);
    const { mqttHost: host, mqttPort: port, mqttUsername, mqttPassword, token } = settings;
    const broker = {
      ...{ host, port, tls: tlsOf(settings) },
      username: mqttUsername ?? uuid ?? slug ?? pool,
      password: mqttPassword ?? token,
    };
    // Loaded here: who only runs a node, or lists its workloads, does without.
    const { ClientSession } = await import("./client/client_session.ts");
    const prefix = topicPrefix(settings.environment);
    const logger = createLogger("mqtt", undefined, sink);
    const session = { broker, topicPrefix: prefix, address, logger };
    return new CloudNodeClient(await ClientSession.open(session, signal), address);
  }

  /**
   * Sends a command and resolves with its reply once the command has succeeded. Params are an object,
   * or JSON that is sent as it stands.
   *
   * @throws {ConfigError} if an option is wrong, or params are no object and no JSON
   * @throws {CommandFailedError} if the node answers that it failed
   * @throws {NoReplyError} if no reply comes in time
   * @throws {BrokerError} if the broker does not take the command
   *
   * @example
   * ```ts
   * import { type CloudNodeClient, CommandFailedError } from "@cyberwave/cloud-node";
   *
   * async function train(client: CloudNodeClient, epochs: number): Promise<string> {
   *   try {
   *     const reply = await client.call("training", { epochs }, {
   *       onProgress: ({ progress, total }) => console.log(`${progress} of ${total}`),
   *     });
   *     return reply.output;
   *   } catch (error) {
   *     if (error instanceof CommandFailedError) return `failed: ${error.reply.error}`;
   *     throw error;
   *   }
   * }
   * console.log(train.name);
   * ```
   */
  async call(
    command: string,
    params?: object | string,
    options: CallOptions = {},
  ): Promise<CommandReply> {
    const { timeout, onProgress } = options;
    checkSeconds("timeout", timeout);
    const request = outgoing(command, params, options);
    const ended = new AbortController();
    const signal = AbortSignal.any([ended.signal, ...options.signal ? [options.signal] : []]);
    if (timeout !== undefined) {
      const giveUp = () => ended.abort(this.#tooLate(command, request.requestId, timeout));
      systemClock.sleep(timeout * 1000, ended.signal).then(giveUp, () => {});
    }
    try {
      const reply = await this.#session.call(request, signal, onProgress);
      if (reply.status === "ok") return reply;
      throw new CommandFailedError(reply);
    } finally {
      ended.abort();
    }
  }

  /**
   * Sends a command and resolves with its request id once the broker has it: who wants no reply, or
   * waits for it elsewhere.
   *
   * @throws {ConfigError} if an option is wrong, or params are no object and no JSON
   * @throws {BrokerError} if the broker does not take it
   *
   * @example
   * ```ts
   * import type { CloudNodeClient } from "@cyberwave/cloud-node";
   *
   * async function trainOvernight(client: CloudNodeClient): Promise<string> {
   *   return await client.send("training", { epochs: 1_000 });
   * }
   * console.log(trainOvernight.name);
   * ```
   */
  async send(
    command: string,
    params?: object | string,
    options: Omit<CallOptions, "timeout" | "onProgress"> = {},
  ): Promise<string> {
    const request = outgoing(command, params, options);
    const { signal = new AbortController().signal } = options;
    await this.#session.send(request, signal);
    return request.requestId;
  }

  /**
   * What the node is and does now.
   *
   * @throws {NoReplyError} if the node does not answer within `timeout`, 30 s by default
   *
   * @example
   * ```ts
   * import type { CloudNodeClient } from "@cyberwave/cloud-node";
   *
   * async function isFree(client: CloudNodeClient): Promise<boolean> {
   *   const { isBusy, queued } = await client.status({ timeout: 5 });
   *   return !isBusy && queued === 0;
   * }
   * console.log(isFree.name);
   * ```
   */
  async status(options: Omit<CallOptions, "onProgress"> = {}): Promise<NodeStatus> {
    const { output } = await this.call("status", undefined, { timeout: 30, ...options });
    return readNodeStatus(output);
  }

  /**
   * Asks the node to stop the command with this request id. Resolves when that is under way; the
   * command itself is answered once it has ended.
   *
   * @throws {CommandFailedError} if the node has no such command
   * @throws {NoReplyError} if the node does not answer within `timeout`, 30 s by default
   *
   * @example
   * ```ts
   * import type { CloudNodeClient } from "@cyberwave/cloud-node";
   *
   * async function stopTraining(client: CloudNodeClient, requestId: string): Promise<void> {
   *   await client.cancel(requestId, { stopSignal: "SIGINT" });
   * }
   * console.log(stopTraining.name);
   * ```
   */
  async cancel(requestId: string, options: CancelOptions = {}): Promise<void> {
    const { stopSignal: signal = "SIGTERM", ...callOptions } = options;
    const params = { workload_request_id: requestId, signal };
    await this.call("cancel", params, { timeout: 30, ...callOptions });
  }

  /**
   * All replies of the node from now on, whoever asked for them. They wait in memory until they are
   * taken. Ends when the client is closed.
   *
   * @example
   * ```ts
   * import type { CloudNodeClient } from "@cyberwave/cloud-node";
   *
   * async function watch(client: CloudNodeClient): Promise<void> {
   *   for await (const { requestId, status } of client) console.log(requestId, status);
   * }
   * console.log(watch.name);
   * ```
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<CommandReply, undefined> {
    return this.#session.replies();
  }

  /**
   * Disconnects, for `await using`. Calls that wait are rejected with a `BrokerError`; commands go on.
   *
   * @example
   * ```ts
   * import type { CloudNodeClient } from "@cyberwave/cloud-node";
   *
   * const close = async (client: CloudNodeClient) => await client[Symbol.asyncDispose]();
   * console.log(close.name);
   * ```
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  #tooLate(command: string, requestId: string, timeout: number): NoReplyError {
    const hidden = "slug" in this.#address
      ? "; give its UUID (--uuid) if the broker hides other replies"
      : "";
    const check = "pool" in this.#address
      ? "Check that the pool has nodes with room, or wait longer. If one"
      : `Check that the node runs, or wait longer${hidden}. If the node`;
    return new NoReplyError(`No reply to ${quoted(command)} within ${timeout} s`, {
      hint: `${check} has it, the command goes on, with the request id ${requestId}`,
    });
  }
}

function outgoing(command: string, params: object | string | undefined, options: CallOptions) {
  refuseUnknownKeys(options, CALL_OPTIONS, "option");
  const { requestId = crypto.randomUUID() } = options;
  return { command, requestId, params: params === undefined ? undefined : paramsText(params) };
}

/** Params as JSON. What is none would not be understood with its request id. */
function paramsText(params: object | string): string {
  try {
    if (typeof params !== "string") {
      const text = String(JSON.stringify(params));
      if (text.startsWith("{")) return text;
    } else {
      JSON.parse(params);
      return params;
    }
  } catch (error) {
    const problem = `Params must be JSON, got ${quoted(params)}: ${messageOf(error)}`;
    throw new ConfigError(problem, { cause: error });
  }
  throw new ConfigError(`Params must be an object, got ${quoted(params)}`);
}
