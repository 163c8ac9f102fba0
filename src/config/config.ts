/**
 * The settings of a node, as its parts get them.
 *
 * @module
 */
import type { JobOutput, LogFormat, LogLevel } from "../log.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import type { BodyForm, ControlPlaneName } from "./node_config.ts";
import type { Program } from "./programs/workload_program.ts";

/** Which GPUs: all that are found, the first few, or these, by number or UUID. */
export type GpuChoice = "auto" | number | readonly string[];

/** The settings of a node: read, checked, and complete where there is a default. */
export interface Settings {
  /** The API token. */
  readonly token: string | undefined;
  /** Where the backend is, without a slash at the end. */
  readonly apiUrl: string;
  /** What carries the node's calls to the backend. */
  readonly controlPlane: ControlPlaneName;
  /** The workspace the node belongs to. */
  readonly workspaceSlug: string | undefined;
  /** The UUID of that workspace. */
  readonly workspaceUuid: string | undefined;
  /** The slug the node would like. */
  readonly slug: string | undefined;
  /** The instance a provisioner made for this node. */
  readonly instanceUuid: string | undefined;
  /** The hardware and capability profile. */
  readonly profileSlug: string;
  /** The UUID of the environment that the node is reserved for. */
  readonly environmentUuid: string | undefined;
  /** Put in front of every topic, unless empty or `production`. */
  readonly environment: string;
  /** The broker's host name or address, an IPv6 one without brackets. */
  readonly mqttHost: string;
  /** The broker's port. */
  readonly mqttPort: number;
  /** Whether to speak TLS with the broker. */
  readonly mqttUseTls: boolean;
  /** Absolute path of a PEM file of the certificate authorities to trust. */
  readonly mqttTlsCaCerts: string | undefined;
  /** The user name at the broker. */
  readonly mqttUsername: string | undefined;
  /** The password at the broker. */
  readonly mqttPassword: string | undefined;
  /** The pool whose commands the node takes as well. */
  readonly pool: string | undefined;
  /** What it subscribes to for those; `undefined`: a shared subscription to the topic of the pool. */
  readonly poolTopic: string | undefined;
  /** How many commands of a kind may wait here before the node leaves its pool for a while. */
  readonly poolPrefetch: number;
  /** The shell command run at each start. */
  readonly installScript: string | undefined;
  /** What runs `inference` commands. */
  readonly inference: Program | undefined;
  /** What runs `training` commands. */
  readonly training: Program | undefined;
  /** What runs `simulate` commands. */
  readonly simulate: Program | undefined;
  /** Absolute path of the folder in which workloads run. */
  readonly workFolder: string;
  /** The Python that runs functions of Python files. */
  readonly python: string | undefined;
  /** What `{body}` is in the template of each kind. */
  readonly body: Readonly<Record<WorkloadKind, BodyForm>>;
  /** Variables for workloads, in which `${NAME}` is not expanded yet; `null` is the node's own. */
  readonly env: Readonly<Record<string, string | null>>;
  /** Files of variables for workloads, with absolute paths. */
  readonly envFile: readonly { readonly path: string; readonly required: boolean }[];
  /** Seconds between heartbeats. */
  readonly heartbeatInterval: number;
  /** How many workloads of each kind run at the same time. */
  readonly concurrency: Readonly<Record<WorkloadKind, number>>;
  /** The GPUs that are given to workloads. */
  readonly gpus: GpuChoice | undefined;
  /** How many of them a workload of each kind gets. */
  readonly gpusPer: Readonly<Record<WorkloadKind, number>>;
  /** The kinds of which as many run at the same time as there are GPUs for. */
  readonly gpuLanes: readonly WorkloadKind[];
  /** The kinds that never run at the same time. */
  readonly exclusive: readonly WorkloadKind[];
  /** How many commands of each kind may wait. */
  readonly maxQueued: Readonly<Record<WorkloadKind, number>>;
  /** Whether workloads of the platform wait here rather than being refused. */
  readonly queuePlatformWorkloads: boolean;
  /** Bytes of memory that a workload may have, for the kinds that have a limit. */
  readonly memoryLimit: Readonly<Partial<Record<WorkloadKind, number>>>;
  /** Seconds after which a workload is stopped, for the kinds that have a limit. */
  readonly timeout: Readonly<Partial<Record<WorkloadKind, number>>>;
  /** Seconds between asking a workload to stop and killing it. */
  readonly cancelGrace: Readonly<Record<WorkloadKind, number>>;
  /** Seconds for which a request id is remembered; 0 for not at all. */
  readonly dedupeWindow: number;
  /** Bytes of a workload's output that a reply carries at most. */
  readonly maxOutput: number;
  /** Bytes of each output stream of a workload that are kept on disk. */
  readonly maxOutputFiles: number;
  /** Bytes a command may have at most. */
  readonly maxCommandSize: number;
  /** Whether files in `resultsFolder` go to the platform after success. */
  readonly uploadResults: boolean;
  /** Absolute path of the folder in which workloads leave their results. */
  readonly resultsFolder: string;
  /** Which files are results, by patterns of their paths in the results folder; empty: all. */
  readonly results: readonly string[];
  /** Seconds between uploads of results that a running workload has finished; 0 for none. */
  readonly uploadWhileRunning: number;
  /** Seconds the node may take to stop. */
  readonly stopTimeout: number;
  /** Absolute path of the folder of the node's identity, journal and workload files. */
  readonly stateFolder: string;
  /** Days for which the files of ended workloads are kept. */
  readonly keepWorkloads: number;
  /** How many ended workloads keep their files, by how they ended. */
  readonly keepWorkloadsCount: { readonly succeeded: number; readonly failed: number };
  /** Bytes the files and the delivered replies of ended workloads may take up. */
  readonly keepWorkloadsSize: number;
  /** Whether workloads get the node's token and broker password in their environment. */
  readonly passToken: boolean;
  /** How log lines look. */
  readonly logFormat: LogFormat;
  /** Lines below it are not logged. */
  readonly logLevel: LogLevel;
  /** How much of what jobs print is logged. */
  readonly logJobOutput: JobOutput;
  /** Seconds between batches of log lines to the platform; 0 for none. */
  readonly logStreamInterval: number;
  /** Where the node answers over HTTP. */
  readonly http: string | undefined;
  /** The shell command run at the end of each workload. */
  readonly onWorkloadEnd: string | undefined;
  /** The shell command run when the broker stays away. */
  readonly onDisconnect: string | undefined;
  /** Seconds without the broker after which it runs. */
  readonly onDisconnectAfter: number;
  /** The shell command run when a worker or server fails. */
  readonly onUnhealthy: string | undefined;
}
