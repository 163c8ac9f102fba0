/**
 * What a program passes to a node, and what it gets back.
 *
 * @module
 */
import { refuseUnknownKeys } from "../config/known_keys.ts";
import type { CloudNodeConfig } from "../config/node_config.ts";
import { checkSeconds } from "../config/values/numbers.ts";
import type { Logger } from "../log.ts";
import type { Handlers } from "./handlers.ts";

/**
 * What makes a `CloudNode`.
 *
 * @example Workloads that see only the named variables of this process's environment
 * ```ts
 * import { CloudNode, type CloudNodeOptions } from "@cyberwave/cloud-node";
 *
 * const options: CloudNodeOptions = {
 *   config: { inference: "python infer.py {body}" },
 *   slug: "my-gpu-node",
 *   env: { PATH: "/usr/bin:/bin", CUDA_VISIBLE_DEVICES: "0" },
 * };
 * new CloudNode(options);
 * ```
 */
export interface CloudNodeOptions {
  /**
   * The configuration. With `fromConfigFile` and `fromEnv` it wins over files and variables, setting by
   * setting. Default: all defaults, which lack a token.
   */
  config?: CloudNodeConfig;
  /**
   * Functions that run commands in this process, by the names of the commands; those may be of the
   * program's own. Default: none, the configuration says what runs commands.
   */
  handlers?: Handlers;
  /** A hint: the slug the node would like. Wins over `config.slug`. Default: the backend chooses. */
  slug?: string;
  /**
   * The environment of the workloads and the install script. Default: that of this process when
   * the node is run. `fromConfigFile` and `fromEnv` also take the settings from it.
   */
  env?: Record<string, string>;
  /**
   * Where the node logs, each line with its component in front: `mqtt: Connected to ...`. Secrets are
   * masked. Default: the logger `cyberwave-cloud-node` of `@std/log`, silent until it is set up.
   */
  logger?: Logger;
}

/** The names of those options. */
export const OPTIONS: readonly (keyof CloudNodeOptions)[] = [
  "config",
  "handlers",
  "slug",
  "env",
  "logger",
];

/**
 * Who a running node is.
 *
 * @example
 * ```ts
 * import type { NodeIdentity } from "@cyberwave/cloud-node";
 *
 * const commandTopic = ({ uuid }: NodeIdentity) => `cyberwave/cloud-node/${uuid}/command`;
 * console.log(commandTopic({ uuid: "0b8a", slug: "my-gpu-node" })); // cyberwave/cloud-node/0b8a/command
 * ```
 */
export interface NodeIdentity {
  /** The UUID that the backend gave it. */
  readonly uuid: string;
  /** The slug that the backend gave it. */
  readonly slug: string;
}

/**
 * How to run a `CloudNode`.
 *
 * @example A node that stops after ten minutes without work
 * ```ts
 * import type { RunOptions } from "@cyberwave/cloud-node";
 *
 * const options: RunOptions = {
 *   handleSignals: true,
 *   exitWhenIdle: 600,
 *   onReady: ({ slug }) => console.log(`${slug} waits for commands`),
 * };
 * console.log(options.exitWhenIdle); // 600, for `node.run(options)`
 * ```
 */
export interface RunOptions {
  /** Stops the node when it aborts, as `CloudNode.stop` does. Default: nothing does. */
  signal?: AbortSignal;
  /**
   * Whether SIGTERM, SIGINT and SIGHUP stop the node and SIGQUIT drains it. After the first of them
   * a second one ends the process at once. Default: `false`, signals are the program's own.
   */
  handleSignals?: boolean;
  /** Stop when one command was answered. Default: `false`. */
  once?: boolean;
  /** Take no new commands, and stop when those accepted earlier are done and answered. Default: `false`. */
  drain?: boolean;
  /** Stop after this many seconds without work. Default: never. */
  exitWhenIdle?: number;
  /** Called once, when the node is connected and waits for commands. Default: nothing is. */
  onReady?: (identity: NodeIdentity) => void;
}

/** The names of those options. */
const RUN_OPTIONS: readonly (keyof RunOptions)[] = [
  "signal",
  "handleSignals",
  "once",
  "drain",
  "exitWhenIdle",
  "onReady",
];

/**
 * Checks what a program passes to `CloudNode.run`.
 *
 * @throws {ConfigError} if it has an option that there is not, or one that is wrong
 */
export function checkRunOptions(options: RunOptions): void {
  refuseUnknownKeys(options, RUN_OPTIONS, "option");
  checkSeconds("exitWhenIdle", options.exitWhenIdle);
}

/**
 * How the commands ended that were answered while a node ran.
 *
 * @example
 * ```ts
 * import type { RunResult } from "@cyberwave/cloud-node";
 *
 * const report = ({ succeeded, failed }: RunResult) => `${succeeded} of ${succeeded + failed}`;
 * console.log(report({ succeeded: 3, failed: 1 })); // 3 of 4
 * ```
 */
export interface RunResult {
  /** How many succeeded. */
  succeeded: number;
  /** How many failed, were cancelled, timed out or were lost. */
  failed: number;
}
