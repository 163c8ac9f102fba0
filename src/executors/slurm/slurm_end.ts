/**
 * How a job of Slurm has ended, as its last state says.
 *
 * @module
 */
import type { Exit } from "../executor.ts";
import type { SlurmJob } from "./squeue.ts";

/** States after which the job may still run, or have run, with nobody to tell. */
const UNKNOWN_END = ["NODE_FAIL", "BOOT_FAIL"];

/** States that say by themselves why a job that ran has no exit code. */
const EXPLAINED = ["TIMEOUT", "DEADLINE", "OUT_OF_MEMORY", "CANCELLED", "PREEMPTED", "REVOKED"];

/** How a job ended whose last state says that; `undefined`: it says nothing. */
export function endOf(job: SlurmJob): Exit | undefined {
  const why = whyEnded(job);
  if (UNKNOWN_END.includes(job.state)) return { type: "lost", why };
  return EXPLAINED.includes(job.state) ? { type: "failed", error: why } : undefined;
}

/** Why Slurm ended a job. */
export function whyEnded({ id, state, reason }: SlurmJob): string {
  return `Slurm ended job ${id}: ${state}${
    reason === "" || reason === "None" ? "" : ` (${reason})`
  }`;
}
