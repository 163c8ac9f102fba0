/**
 * Starts a worker process, follows one of an earlier node, and asks one to leave.
 *
 * @module
 */
import type { Clock } from "../../time.ts";
import type { EarlierWorker } from "./earlier_worker.ts";
import { makeFolder } from "./worker_files.ts";
import { WorkerProcess } from "./worker_process.ts";
import {
  fingerprintOf,
  type ProcessListener,
  processOptionsOf,
  type WorkerOptions,
} from "./worker_options.ts";

/** How often a worker that is to leave is asked to, until it has. */
const ASKING_MS = 1_000;

/** Starts one. Throws when that cannot be done. */
export function startProcess(options: WorkerOptions, listener: ProcessListener): WorkerProcess {
  const { folder, files, host: { bootId }, gpus: { names } } = options;
  const record = {
    ...{ id: crypto.randomUUID(), bootId, program: fingerprintOf(options) },
    gpus: names,
  };
  makeFolder(folder, files, record);
  return WorkerProcess.start(record.id, processOptionsOf(options), listener);
}

/** Follows one that an earlier node has left. */
export function attachProcess(
  { id, process }: EarlierWorker & Required<Pick<EarlierWorker, "process">>,
  options: WorkerOptions,
  listener: ProcessListener,
): WorkerProcess {
  return WorkerProcess.attach(id, process, processOptionsOf(options), listener);
}

/** Asks what is leaving to finish what it has in hand and to end, until nothing is or `signal` aborts. */
export async function askToLeave(
  leaving: () => WorkerProcess | undefined,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): Promise<void> {
  for (let worker = leaving(); worker !== undefined && !signal.aborted; worker = leaving()) {
    worker.end();
    await clock.sleep(ASKING_MS, signal).catch(() => {});
  }
}
