/**
 * What executors of programs that stay loaded are made from.
 *
 * @module
 */
import type { Settings } from "../../config/config.ts";
import type { GpuSource } from "../../executors/warm/gpu_share.ts";
import type { Logger } from "../../log.ts";
import type { Host } from "../../os/processes.ts";

/** What they are made from. */
export interface WarmOptions {
  readonly settings: Pick<
    Settings,
    "stateFolder" | "workFolder" | "maxOutputFiles" | "python" | "gpusPer"
  >;
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  /** The GPUs to give. Default: it sees what is there. */
  readonly gpus?: GpuSource;
  readonly loggerFor: (component: string) => Logger;
}
