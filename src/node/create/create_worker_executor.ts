/**
 * The executor that hands the commands of a kind to workers.
 *
 * @module
 */
import type { WorkerProgram } from "../../config/programs/workload_program.ts";
import { WorkerExecutor } from "../../executors/worker/worker_executor.ts";
import { workerProgram } from "../../executors/worker/worker_program.ts";
import type { WorkloadKind } from "../../protocol/kinds.ts";
import type { Clock } from "../../time.ts";
import type { WarmOptions } from "./warm_options.ts";

/** Makes the executor, which starts the workers. */
export function createWorkerExecutor(
  kind: WorkloadKind,
  program: WorkerProgram,
  { settings, env, host, gpus: source, loggerFor }: WarmOptions,
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
