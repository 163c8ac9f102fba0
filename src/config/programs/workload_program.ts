/**
 * What runs the commands of a kind: a process for each of them, workers that stay loaded, a server, or
 * a cluster.
 *
 * @module
 */
import type {
  ClusterProgram,
  KubernetesConfig,
  RayConfig,
  SlurmConfig,
} from "./cluster_programs.ts";

/**
 * A process for each command. The same as its `command` alone.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, CommandConfig } from "@cyberwave/cloud-node";
 *
 * const training: CommandConfig = { command: "python train.py {body}" };
 * const config: CloudNodeConfig = { training };
 * console.log(config.training);
 * ```
 */
export interface CommandConfig {
  /** The shell command template, or the name of a Python file with a function to call. */
  command: string;
}

/**
 * What workers and servers have in common: they are started once, and stay.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, WarmConfig } from "@cyberwave/cloud-node";
 *
 * const stays: WarmConfig = { readyTimeout: 120, keepLoaded: 3600 };
 * const config: CloudNodeConfig = { inference: { worker: "infer.py", ...stays } };
 * console.log(config.inference);
 * ```
 */
export interface WarmConfig {
  /** How many commands one worker, or the server, runs at the same time. Default: 1. */
  concurrency?: number;
  /** Seconds that starting and loading may take. Default: 600. */
  readyTimeout?: number;
  /** Seconds between asking it to end and killing it. Default: 10. */
  unloadTimeout?: number;
  /** Seconds for which it stays loaded without a node; 0: it ends with the node. Default: 300. */
  keepLoaded?: number;
  /** The kind of command that it makes room for: it ends while one runs. Default: none. */
  yieldTo?: "training";
}

/**
 * Processes that are started once and take commands over standard input, as JSON-RPC 2.0 by line.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, WorkerConfig } from "@cyberwave/cloud-node";
 *
 * const inference: WorkerConfig = { worker: "python worker.py", workers: 2, restartAfter: 10_000 };
 * const config: CloudNodeConfig = { inference };
 * console.log(config.inference);
 * ```
 */
export interface WorkerConfig extends WarmConfig {
  /** The shell command that starts a worker, or the name of a Python file with a function to call. */
  worker: string;
  /** How many of them run. Default: 1. */
  workers?: number;
  /**
   * Whether a worker sends `ready` when it is loaded; `false`: it gets commands from its start.
   * Default: `true`.
   */
  ready?: boolean;
  /** After how many commands a worker is replaced; 0: never. Default: 0. */
  restartAfter?: number;
}

/**
 * When a server is ready: where to ask, how often and how long to wait for an answer, in seconds.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, ReadinessConfig } from "@cyberwave/cloud-node";
 *
 * const ready: ReadinessConfig = { url: "http://127.0.0.1:8765/health", every: 2, timeout: 5 };
 * const config: CloudNodeConfig = {
 *   inference: { server: "python serve.py", url: "http://127.0.0.1:8765/predict", ready },
 * };
 * console.log(config.inference);
 * ```
 */
export interface ReadinessConfig {
  /** Where to ask. */
  url: string;
  /** Seconds between two checks. Default: 1. */
  every?: number;
  /** Seconds that an answer may take. Default: 5. */
  timeout?: number;
}

/**
 * An HTTP server that takes commands: one that the node starts, or one that somebody else runs.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, ServerConfig } from "@cyberwave/cloud-node";
 *
 * const inference: ServerConfig = { url: "http://127.0.0.1:8765/predict", concurrency: 4 };
 * const config: CloudNodeConfig = { inference };
 * console.log(config.inference);
 * ```
 */
export interface ServerConfig extends WarmConfig {
  /** The shell command that starts it. Default: somebody else does. */
  server?: string;
  /** Where params are posted to. */
  url: string;
  /** When it is ready. Default: when `url` answers at all. */
  ready?: string | ReadinessConfig;
  /** The member that params are put into. Default: they are the whole request. */
  wrap?: string;
  /** The member that the answer is taken from. Default: it is the whole response. */
  unwrap?: string;
  /** What it speaks: presets of the above, of errors and of cancelling. Default: `json`. */
  api?: ServerApi;
  /** Headers of each request, in which `${NAME}` is a variable of the environment. Default: none. */
  headers?: Readonly<Record<string, string>>;
}

/**
 * What a server speaks.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, ServerApi } from "@cyberwave/cloud-node";
 *
 * const api: ServerApi = "cog";
 * const config: CloudNodeConfig = { inference: { url: "http://127.0.0.1:5000/predictions", api } };
 * console.log(config.inference);
 * ```
 */
export type ServerApi = "json" | "cog" | "oip" | "runpod" | "openai";

/**
 * What runs the commands of a kind: a text is a process for each command.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, ProgramConfig } from "@cyberwave/cloud-node";
 *
 * const inference: ProgramConfig = { worker: "infer.py" };
 * const config: CloudNodeConfig = { inference, training: "python train.py {body}" };
 * console.log(config.inference);
 * ```
 */
export type ProgramConfig =
  | string
  | CommandConfig
  | WorkerConfig
  | ServerConfig
  | SlurmConfig
  | RayConfig
  | KubernetesConfig;

/** A process for each command. */
interface CommandProgram {
  readonly type: "command";
  /** The shell command template, or the name of a Python file. */
  readonly command: string;
}

/** The settings that workers and servers share. Times are in seconds. */
interface WarmProgram {
  readonly concurrency: number;
  readonly readyTimeout: number;
  readonly unloadTimeout: number;
  readonly keepLoaded: number;
  readonly yieldTo: "training" | undefined;
}

/** Processes that are started once and take commands over standard input. */
export interface WorkerProgram extends WarmProgram {
  readonly type: "worker";
  /** What starts one. */
  readonly command: string;
  readonly workers: number;
  readonly ready: boolean;
  readonly restartAfter: number;
}

/** A server that takes commands over HTTP. */
export interface ServerProgram extends WarmProgram {
  readonly type: "server";
  /** What starts it; `undefined`: somebody else does. */
  readonly command: string | undefined;
  readonly url: string;
  readonly ready: Readonly<Required<ReadinessConfig>> | undefined;
  readonly wrap: string | undefined;
  readonly unwrap: string | undefined;
  readonly api: ServerApi;
  /** Variables in them are not expanded yet. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What runs the commands of a kind. */
export type Program = CommandProgram | WorkerProgram | ServerProgram | ClusterProgram;

/** Whether a program is started once and stays. */
export function isWarm(program: Program): program is WorkerProgram | ServerProgram {
  return program.type === "worker" || program.type === "server";
}

/** How many commands a program runs at once; `undefined`: any number. */
export function placesOf(program: Program): number | undefined {
  switch (program.type) {
    case "worker":
      return program.workers * program.concurrency;
    case "server":
      return program.concurrency;
    default:
      return undefined;
  }
}

/** The shell command of a program; `undefined`: it starts none. */
export function commandOf(program: Program): string | undefined {
  return program.command;
}
