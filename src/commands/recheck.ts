/**
 * Asks the platform whether it still wants what was running before the node started.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { isAbort } from "../time.ts";
import { nameOf, type RunningWorkload } from "../workload/running.ts";

/** Where workloads are asked for. */
export interface WorkloadDirectory {
  /** What the platform knows about a workload; `undefined` when it knows none such. */
  workload(
    uuid: string,
    signal?: AbortSignal,
  ): Promise<{ readonly status: string; readonly instanceUuid: string | undefined } | undefined>;
}

/** The statuses from which no workload comes back. */
const FINAL = ["completed", "failed", "cancelled"];

/**
 * Stops the workloads that the platform has ended, forgotten or given to another instance than
 * those in `own`. What it cannot be asked about goes on.
 */
export async function recheck(
  workloads: readonly RunningWorkload[],
  own: readonly string[],
  directory: WorkloadDirectory,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (const running of workloads) {
    const { workloadUuid, instanceUuid } = running.command;
    if (workloadUuid === undefined) continue;
    const name = nameOf(running.command);
    try {
      const known = await directory.workload(workloadUuid, signal);
      const why = reasonToStop(known, [...own, instanceUuid]);
      if (why === undefined) continue;
      logger.warn(`Stopping ${name}, which ran before this start: the platform ${why}`);
      running.stop("withdrawn", "SIGTERM");
    } catch (error) {
      if (isAbort(error, signal)) return;
      logger.warn(
        `Cannot ask the platform about ${name}: ${messageOf(error)}; it goes on`,
      );
    }
  }
}

/** Why a workload is to be stopped; `undefined`: it is not. */
export function reasonToStop(
  known: { readonly status: string; readonly instanceUuid: string | undefined } | undefined,
  own: readonly string[],
): string | undefined {
  if (known === undefined) return "no longer knows it";
  if (FINAL.includes(known.status)) return `has it as ${known.status}`;
  if (known.instanceUuid !== undefined && !own.includes(known.instanceUuid)) {
    return "has given it to another node";
  }
  return undefined;
}
