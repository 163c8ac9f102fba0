/**
 * The options of a client.
 *
 * @module
 */
import { ConfigError, quoted } from "../errors.ts";
import { identifierProblem } from "../protocol/identifiers.ts";
import type { CloudNodeConfig } from "../config/node_config.ts";
import type { Logger } from "../log.ts";
import type { StopSignal } from "../os/process_identity.ts";
import type { NodeAddress } from "./client_session.ts";
import type { CommandProgress } from "./command_progress.ts";

/**
 * Which node a client speaks to, and over which broker. The settings of the broker are those of
 * `CloudNodeConfig`.
 *
 * @example
 * ```ts
 * import type { CloudNodeClientOptions } from "@cyberwave/cloud-node";
 *
 * const options: CloudNodeClientOptions = { slug: "my-gpu-node", mqttPort: 8883 };
 * console.log(options.slug);
 * ```
 */
export interface CloudNodeClientOptions {
  /** The node, by its slug. Default: the one that `uuid` names. */
  slug?: string;
  /** The node, by its UUID. Default: the one that `slug` names. */
  uuid?: string;
  /** A pool, by its name: each command goes to one of its nodes that has room. Default: one node. */
  pool?: string;
  /** The API token, which is the password if there is no other. Default: none. */
  token?: CloudNodeConfig["token"];
  /** What stands in front of every topic, unless it is `production`. Default: none. */
  environment?: CloudNodeConfig["environment"];
  /** Where the broker is. Default: `mqtt.cyberwave.com`. */
  mqttHost?: CloudNodeConfig["mqttHost"];
  /** The port of the broker. Default: that of a node. */
  mqttPort?: CloudNodeConfig["mqttPort"];
  /** Whether to speak TLS. Default: when the port is 8883. */
  mqttUseTls?: CloudNodeConfig["mqttUseTls"];
  /** A PEM file with the authorities to trust. Default: those that Deno trusts. */
  mqttTlsCaCerts?: CloudNodeConfig["mqttTlsCaCerts"];
  /** The user name at the broker. Default: the node's UUID, else its slug. */
  mqttUsername?: CloudNodeConfig["mqttUsername"];
  /** The password. Default: the token. */
  mqttPassword?: CloudNodeConfig["mqttPassword"];
  /** Where it is logged that the connection is lost and made again. Default: nowhere. */
  logger?: Logger;
  /** Ends the attempt to connect. Default: none. */
  signal?: AbortSignal;
}

/** The names of those options. */
export const CLIENT_OPTIONS: readonly (keyof CloudNodeClientOptions)[] = [
  "slug",
  "uuid",
  "pool",
  "token",
  "environment",
  "mqttHost",
  "mqttPort",
  "mqttUseTls",
  "mqttTlsCaCerts",
  "mqttUsername",
  "mqttPassword",
  "logger",
  "signal",
];

/**
 * How a command is sent, and how long its reply is awaited.
 *
 * @example
 * ```ts
 * import type { CallOptions } from "@cyberwave/cloud-node";
 *
 * const options: CallOptions = {
 *   timeout: 60,
 *   onProgress: ({ progress, total }) => console.log(`${progress} of ${total}`),
 * };
 * console.log(options.timeout);
 * ```
 */
export interface CallOptions {
  /** Seconds after which to give up. The command goes on. Default: no limit. */
  timeout?: number;
  /** Stops waiting; the command goes on. Default: none. */
  signal?: AbortSignal;
  /**
   * The id of the command. A node runs commands with the same id only once. Default: a random one.
   */
  requestId?: string;
  /**
   * Called when the node reports how far the command is. If it throws or rejects, so does the call.
   * Default: it is not asked for.
   */
  onProgress?: (progress: CommandProgress) => void;
}

/** The names of those options, and of those of a cancel. */
export const CALL_OPTIONS: readonly (keyof CallOptions | keyof CancelOptions)[] = [
  "timeout",
  "signal",
  "requestId",
  "onProgress",
  "stopSignal",
];

/**
 * How a command is stopped.
 *
 * @example
 * ```ts
 * import type { CancelOptions } from "@cyberwave/cloud-node";
 *
 * const options: CancelOptions = { stopSignal: "SIGINT", timeout: 10 };
 * console.log(options.stopSignal);
 * ```
 */
export interface CancelOptions extends Omit<CallOptions, "onProgress"> {
  /** The signal its processes get first. Default: `SIGTERM`. */
  stopSignal?: StopSignal;
}

/**
 * The one address that is given.
 *
 * @throws {ConfigError} if there is none or more than one, or it cannot be in a topic
 */
export function addressOf(
  given: Pick<CloudNodeClientOptions, "slug" | "uuid" | "pool">,
): NodeAddress {
  const [named, ...others] = Object.entries(given).filter(([, value]) => value !== undefined);
  if (named === undefined) {
    const hint = "Give a slug or a uuid, or a pool";
    throw new ConfigError("It is not said which node is meant", { hint });
  }
  if (others.length > 0) {
    throw new ConfigError("Give the slug of the node, its UUID or a pool: one of them");
  }
  const [name, value] = named;
  const problem = identifierProblem(value);
  if (problem !== undefined) throw new ConfigError(`${name} ${problem}, got ${quoted(value)}`);
  return { [name]: value } as unknown as NodeAddress;
}
