/**
 * What runs the commands of a kind as jobs of a cluster: how it is given, and what is read from that.
 *
 * @module
 */
/**
 * A Slurm job for each command, whose files are in a folder that the node and the cluster share.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, SlurmConfig } from "@cyberwave/cloud-node";
 *
 * const training: SlurmConfig = {
 *   slurm: { command: "python train.py {body_file}", options: "--partition=gpu --gres=gpu:1" },
 * };
 * const config: CloudNodeConfig = { training, concurrency: { training: 8 } };
 * console.log(config.training);
 * ```
 */
export interface SlurmConfig {
  /** The options of the jobs; a text is the command. */
  slurm: string | {
    /** The shell command template, or the name of a Python file with a function to call. */
    command: string;
    /** More arguments of sbatch(1), such as `--gres=gpu:1`. Default: none. */
    options?: string | readonly string[];
    /** Seconds for which a job may wait in Slurm's queue; 0: as long as it takes. Default: 0. */
    pendingTimeout?: number;
  };
}

/** A Slurm job for each command. */
export interface SlurmProgram {
  readonly type: "slurm";
  /** The shell command template, or the name of a Python file. */
  readonly command: string;
  /** More arguments of sbatch. */
  readonly options: readonly string[];
  /** In seconds; 0: a job may wait for as long as it takes. */
  readonly pendingTimeout: number;
}

/**
 * A Ray job for each command, whose files are in a folder that the node and the cluster share.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, RayConfig } from "@cyberwave/cloud-node";
 *
 * const training: RayConfig = {
 *   ray: { address: "http://127.0.0.1:8265", command: "python train.py {body_file}", numGpus: 1 },
 * };
 * const config: CloudNodeConfig = { training, concurrency: { training: 4 } };
 * console.log(config.training);
 * ```
 */
export interface RayConfig {
  /** What is run, where, and how. */
  ray: {
    /** Where Ray's dashboard is. */
    address: string;
    /** The shell command template, or the name of a Python file with a function to call. */
    command: string;
    /** The runtime environment of the jobs, as Ray takes it. Default: none. */
    runtimeEnv?: Readonly<Record<string, unknown>>;
    /** How many GPUs each job reserves. Default: 0. */
    numGpus?: number;
    /** Seconds for which a job may wait for its turn; 0: as long as Ray lets it. Default: 0. */
    pendingTimeout?: number;
  };
}

/** A Ray job for each command. */
export interface RayProgram {
  readonly type: "ray";
  /** Where Ray's dashboard is. */
  readonly address: string;
  /** The shell command template, or the name of a Python file. */
  readonly command: string;
  readonly runtimeEnv: Readonly<Record<string, unknown>>;
  readonly numGpus: number;
  /** In seconds; 0: a job may wait for as long as Ray lets it. */
  readonly pendingTimeout: number;
}

/**
 * A Kubernetes Job for each command, whose files are in a volume that the node and its pod share.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, KubernetesConfig } from "@cyberwave/cloud-node";
 *
 * const training: KubernetesConfig = {
 *   kubernetes: {
 *     image: "pytorch/pytorch:2.9.1-cuda12.8-cudnn9-runtime",
 *     command: "python train.py {body_file}",
 *     volumeClaim: "cloud-node",
 *     mountPath: "/data",
 *     numGpus: 1,
 *   },
 * };
 * const config: CloudNodeConfig = { training, concurrency: { training: 4 } };
 * console.log(config.training);
 * ```
 */
export interface KubernetesConfig {
  /** What is run, where, and how. */
  kubernetes: {
    /** The image of the pods. It has bash. */
    image: string;
    /** The shell command template, or the name of a Python file with a function to call. */
    command: string;
    /** The PersistentVolumeClaim of the volume that holds the folders of the node. */
    volumeClaim: string;
    /** Where that volume is mounted, on the node as in the pods. */
    mountPath: string;
    /** Default: `default`. */
    namespace?: string;
    /** How many GPUs each pod gets. Default: 0. */
    numGpus?: number;
    /** More of the pod's specification, as Kubernetes takes it. Default: none. */
    pod?: Readonly<Record<string, unknown>>;
    /** Seconds for which a pod may wait for its turn; 0: as long as it takes. Default: 0. */
    pendingTimeout?: number;
  };
}

/** A Kubernetes Job for each command. */
export interface KubernetesProgram {
  readonly type: "kubernetes";
  readonly image: string;
  /** The shell command template, or the name of a Python file. */
  readonly command: string;
  readonly volumeClaim: string;
  readonly mountPath: string;
  readonly namespace: string;
  readonly numGpus: number;
  readonly pod: Readonly<Record<string, unknown>>;
  /** In seconds; 0: a pod may wait for as long as it takes. */
  readonly pendingTimeout: number;
}

/** What runs commands as jobs of a cluster. */
export type ClusterProgram = SlurmProgram | RayProgram | KubernetesProgram;

/** A cluster that commands may run on. */
export type ClusterType = ClusterProgram["type"];
