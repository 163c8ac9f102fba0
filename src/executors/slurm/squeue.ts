/**
 * The jobs that Slurm has, as squeue(1) lists them.
 *
 * @module
 */

/** A job of a command. */
export interface SlurmJob {
  readonly id: string;
  /** `PENDING`, `RUNNING`, `TIMEOUT`, ... */
  readonly state: string;
  /** How long it has run, in milliseconds. */
  readonly ageMs: number;
  /** What its comment is: the attempt that it was made for. */
  readonly attempt: string;
  /** Why it is in its state. */
  readonly reason: string;
}

/** The arguments of squeue that list all jobs of the user, also those that have just ended. */
export const SQUEUE: readonly string[] = [
  ...["squeue", "--me", "--all", "--noheader", "--states=all"],
  "--format=%i|%T|%M|%k|%r",
];

/** What it prints. Jobs of others are left out. */
export function parseSqueue(text: string): SlurmJob[] {
  return text.split("\n").flatMap((line) => {
    const match = /^(\d+)\|([A-Z_]+)\|([\d:-]*)[^|]*\|([\w-]+)\|(.*)$/.exec(line.trim());
    if (match === null) return [];
    const [, id, state, time, attempt, reason] = match;
    return [{ id: id!, state: state!, ageMs: ageIn(time!), attempt: attempt!, reason: reason! }];
  });
}

/** `1-02:03:04` or `3:04` in milliseconds. */
function ageIn(time: string): number {
  const [, days = "0", clock = ""] = /^(?:(\d+)-)?([\d:]*)$/.exec(time) ?? [];
  const seconds = clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return (Number(days) * 86_400 + seconds) * 1000;
}

/** What a state means for a job. */
type SlurmPhase = "waiting" | "running" | "ended";

const WAITING = ["PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD"];
const RUNNING = ["RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"];
const MORE_RUNNING = ["RESIZING", "RESV_DEL_HOLD", "SPECIAL_EXIT"];

/** What the state of a job means. */
export function phaseOf({ state }: SlurmJob): SlurmPhase {
  if (WAITING.includes(state)) return "waiting";
  return RUNNING.includes(state) || MORE_RUNNING.includes(state) ? "running" : "ended";
}
