/**
 * The configuration that a program passes to a node.
 *
 * @module
 */
import type { JobOutput, LogFormat, LogLevel } from "../log.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import type { ProgramConfig } from "./programs/workload_program.ts";

/**
 * What carries the calls of a node to the backend: HTTP, or requests over MQTT 5.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, ControlPlaneName } from "@cyberwave/cloud-node";
 *
 * const controlPlane: ControlPlaneName = "mqtt";
 * const config: CloudNodeConfig = { controlPlane };
 * console.log(config.controlPlane);
 * ```
 */
export type ControlPlaneName = "rest" | "mqtt";

/**
 * One number for all kinds of workload, or one for each kind named; the others keep the default.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, PerKind } from "@cyberwave/cloud-node";
 *
 * const timeout: PerKind = { inference: 60, training: 24 * 60 * 60 };
 * const config: CloudNodeConfig = { concurrency: 2, timeout };
 * console.log(config.timeout);
 * ```
 */
export type PerKind = number | Readonly<Partial<Record<WorkloadKind, number>>>;

/**
 * What `{body}` in a template is: the params as JSON (the path of a file that holds them when they are
 * large), or always the path of that file, as with the Python agent.
 *
 * @example
 * ```ts
 * import type { BodyForm, CloudNodeConfig } from "@cyberwave/cloud-node";
 *
 * const training: BodyForm = "file";
 * const config: CloudNodeConfig = { training: "python train.py {body}", body: { training } };
 * console.log(config.body);
 * ```
 */
export type BodyForm = "json" | "file";

/**
 * The configuration of a node. Every field is optional, and a field that is `undefined` counts as
 * not given.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig } from "@cyberwave/cloud-node";
 *
 * const config: CloudNodeConfig = {
 *   inference: "python preview.py {body}",
 *   concurrency: { inference: 2 },
 *   heartbeatInterval: 15,
 * };
 * console.log(config.inference);
 * ```
 */
export interface CloudNodeConfig {
  /** The API token. A node cannot start without one. */
  token?: string;
  /** Where the backend is. Default: `https://api.cyberwave.com`. */
  apiUrl?: string;
  /** What carries the node's calls to the backend. Default: `rest`. */
  controlPlane?: ControlPlaneName;
  /** The workspace the node belongs to. Default: the token's own. */
  workspaceSlug?: string;
  /** The UUID of that workspace. Default: none. */
  workspaceUuid?: string;
  /** A hint: the slug the node would like. Default: the backend chooses. */
  slug?: string;
  /** The instance to register as, given by a provisioner. Default: the stored one, else a new one. */
  instanceUuid?: string;
  /** The hardware and capability profile. Default: `default`. */
  profileSlug?: string;
  /** The UUID of the environment that the node is reserved for. Default: it serves all. */
  environmentUuid?: string;
  /** Put in front of every topic, unless empty or `production`. Default: empty. */
  environment?: string;
  /** The MQTT broker's host name or address. Default: `mqtt.cyberwave.com`. */
  mqttHost?: string;
  /** The MQTT broker's port. Default: 1883. */
  mqttPort?: number;
  /** Whether to speak TLS with the broker. Default: true when the port is 8883. */
  mqttUseTls?: boolean;
  /** A PEM file of the certificate authorities to trust, relative to `workFolder`. Default: none. */
  mqttTlsCaCerts?: string;
  /** The user name at the broker. Default: the instance's UUID, else its slug. */
  mqttUsername?: string;
  /** The password at the broker. Default: the API token. */
  mqttPassword?: string;
  /** The pool of nodes that this one belongs to: it takes commands sent to the pool as well. Default: none. */
  pool?: string;
  /** The topic filter to subscribe to for them, for a broker with its own queues. Default: `$share/` and the pool's topic. */
  poolTopic?: string;
  /** How many commands of a kind may wait before the node leaves the pool until there is room. Default: 0. */
  poolPrefetch?: number;
  /** A shell command, run once at each start before registration. Default: none. */
  installScript?: string;
  /** What runs `inference` commands: a template, a worker, a server or a cluster. Default: none. */
  inference?: ProgramConfig;
  /** What runs `training` commands. Default: none. */
  training?: ProgramConfig;
  /** What runs `simulate` commands. Default: none. */
  simulate?: ProgramConfig;
  /** The folder in which workloads and the install script run. Default: the current one. */
  workFolder?: string;
  /**
   * The Python that runs a function where a template is the name of a Python file: a path, relative to
   * `workFolder`, or a command. Default: that of `.venv`, else `python3`.
   */
  python?: string;
  /** What `{body}` in a template is, for all kinds or each kind named. Default: `json`. */
  body?: BodyForm | Readonly<Partial<Record<WorkloadKind, BodyForm>>>;
  /**
   * Variables for workloads and the install script, by name, over those of `CloudNodeOptions.env`, of
   * which `${NAME}`, `${NAME:-default}` and `${NAME:?error}` take the values; `$$` is `$`, and `null` a
   * variable as it is there. Default: none.
   */
  env?: Readonly<Record<string, string | null>>;
  /**
   * Files of variables for workloads and the install script, relative to `workFolder`, read when the
   * node starts; `env` wins over them, and a later file over an earlier one. Default: none.
   */
  envFile?: string | readonly (string | { readonly path: string; readonly required?: boolean })[];
  /** Seconds between heartbeats; fractions are fine. Default: 30. */
  heartbeatInterval?: number;
  /** How many workloads of a kind run at the same time. Default: 1, or as many as there are `gpus` for. */
  concurrency?: PerKind;
  /**
   * The GPUs that are given to workloads, so that no two get the same: `auto` for all that are found, or
   * the first few, or these, by number or UUID. Default: none are given, and each workload sees all.
   */
  gpus?: "auto" | number | readonly (number | string)[];
  /** How many GPUs a workload of a kind gets; 0: none. Default: 1 for each kind. */
  gpusPer?: PerKind;
  /** The kinds that never run at the same time, as on a computer with one GPU. Default: none. */
  exclusive?: readonly WorkloadKind[];
  /** How many commands of a kind may wait; 0 refuses what cannot start. Default: 10,000. */
  maxQueued?: PerKind;
  /** Whether workloads of the platform wait here rather than being refused. Default: false. */
  queuePlatformWorkloads?: boolean;
  /** Bytes of memory that a workload of a kind may have, where it is a process of its own. Default: all. */
  memoryLimit?: PerKind;
  /** Seconds after which a workload of a kind is stopped. Default: never. */
  timeout?: PerKind;
  /** Seconds between asking a workload to stop and killing it. Default: 120 for `simulate`, else 10. */
  cancelGrace?: PerKind;
  /** Seconds for which a request id is remembered, so as to run it once; 0 for not at all. Default: 3600. */
  dedupeWindow?: number;
  /** Bytes of a workload's output that a reply carries at most. Default: 4,194,304 (4 MiB). */
  maxOutput?: number;
  /**
   * Bytes of each output stream of a workload that are kept on disk: of more the beginning and the
   * end are kept. Default: 1,073,741,824 (1 GiB).
   */
  maxOutputFiles?: number;
  /** Bytes a command may have at most. Default: 16,777,216 (16 MiB). */
  maxCommandSize?: number;
  /** Whether files in `resultsFolder` go to the platform after success. Default: true. */
  uploadResults?: boolean;
  /** Where workloads leave results, relative to `workFolder`; sent files are removed. Default: `/results`. */
  resultsFolder?: string;
  /** Which files are results, by patterns of their paths in the results folder. Default: all. */
  results?: string | readonly string[];
  /** Seconds between uploads of results that a running workload has finished; 0 for none. Default: 0. */
  uploadWhileRunning?: number;
  /** Seconds the node may take to stop. Default: 10. */
  stopTimeout?: number;
  /** The folder of the node's identity, journal and workload files. Default: `~/.cyberwave`. */
  stateFolder?: string;
  /** Days for which the files of ended workloads are kept. Default: 7. */
  keepWorkloads?: number;
  /**
   * How many ended workloads keep their files: one number for those that succeeded and for those
   * that failed, or one for each. Default: the latest 1,000 that succeeded and 10,000 that failed.
   */
  keepWorkloadsCount?: number | { readonly succeeded?: number; readonly failed?: number };
  /** Bytes the files and the delivered replies of ended workloads may take up. Default: 1,073,741,824 (1 GiB). */
  keepWorkloadsSize?: number;
  /** Whether workloads get the node's token and broker password in their environment. Default: true. */
  passToken?: boolean;
  /** How log lines look on the command line; a library logs as `@std/log` is set up. Default: `text`. */
  logFormat?: LogFormat;
  /** Which lines are logged: those of this level and above. Default: `info`. */
  logLevel?: LogLevel;
  /** How much of what jobs print is logged. Default: `all`. */
  logJobOutput?: JobOutput;
  /** Seconds between batches of log lines to the platform; 0 sends none. Default: 3. */
  logStreamInterval?: number;
  /**
   * Where the node answers over HTTP: a port on loopback, `HOST:PORT` with an address, `auto` for the
   * first free port from 8470 to 8479, or `unix:` and a path. Default: nowhere.
   */
  http?: string | number;
  /** The shell command run at the end of each workload, with the event as JSON on stdin. Default: none. */
  onWorkloadEnd?: string;
  /** The shell command run when the broker stays away, with the event as JSON on stdin. Default: none. */
  onDisconnect?: string;
  /** Seconds without the broker after which `onDisconnect` runs. Default: 300. */
  onDisconnectAfter?: number;
  /** The shell command run when a worker or server fails, with the event as JSON on stdin. Default: none. */
  onUnhealthy?: string;
}
