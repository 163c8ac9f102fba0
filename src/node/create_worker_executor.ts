/**
 * The executor that hands the commands of a kind to workers.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import type { WorkerProgram } from "../config/workload_program.ts";
import { WorkerExecutor } from "../executors/worker/worker_executor.ts";
import { workerProgram } from "../executors/worker/worker_program.ts";
import type { GpuSource } from "../executors/warm/gpu_share.ts";
import type { Logger } from "../log.ts";
import type { Host } from "../os/processes.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import type { Clock } from "../time.ts";

/** What it is made from. */
interface WorkerSettings {
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

/** Makes it; the workers are started with it. */
export function createWorkerExecutor(
  kind: WorkloadKind,
  program: WorkerProgram,
  { settings, env, host, gpus: source, loggerFor }: WorkerSettings,
  clock: Clock,
): WorkerExecutor {
  const { stateFolder, workFolder, maxOutputFiles, python } = settings;
  return new WorkerExecutor({
    ...workerProgram(program.command, kind, python),
    name: `${kind}-worker`,
    program,
    workersFolder: `${stateFolder}/workers`,
    workFolder,
    maxOutputFiles,
    gpus: source && { source, count: settings.gpusPer[kind] },
    env,
    host,
    clock,
    random: Math.random,
    logger: loggerFor("worker"),
  });
}
