/**
 * What an ended workload means to whoever asked for it.
 *
 * @module
 */
import type { End, StopRequest } from "../journal/record.ts";
import type { Exit } from "../workloads/folder.ts";

/** What to remember and what to answer. */
export type Outcome =
  & { readonly end: Omit<End, "bytes"> }
  & (
    | { readonly status: "ok" }
    /** The error is the workload's own, `fallback` when it wrote none. */
    | { readonly status: "error"; readonly source: "stderr"; readonly fallback: string }
    /** The error is what the node says. */
    | { readonly status: "error"; readonly source: "node"; readonly error: string }
  );

/**
 * Decides what became of a workload. Somebody's wish to stop it explains its end better than the
 * code or signal it ended with; `timeout` is in seconds.
 */
export function outcomeOf(exit: Exit, stop: StopRequest | undefined, timeout = 0): Outcome {
  const known = exitDetails(exit);
  if (stop !== undefined) {
    const error = {
      timed_out: `Command timed out after ${timeout} s`,
      cancelled: `Command was cancelled by ${stop.signal}`,
      withdrawn: "Command was stopped: the platform no longer wants it from this node",
    }[stop.cause];
    const end = { cause: stop.cause, signal: stop.signal, ...known };
    return { status: "error", source: "node", error, end };
  }
  switch (exit.type) {
    case "exited":
      if (exit.code === 0) return { status: "ok", end: { cause: "exited", ...known } };
      return {
        status: "error",
        source: "stderr",
        fallback: `Command failed with code ${exit.code}`,
        end: { cause: "exited", ...known },
      };
    case "killed":
      return nodeError(`Workload killed by signal ${signalNumber(exit.signal)}`, {
        cause: "killed",
        ...known,
      });
    case "lost":
      return nodeError("Workload lost: the machine restarted", { cause: "lost" });
    case "never_began":
      return notStarted(
        "Workload could not be started: its shell ended before it began (is the disk full?)",
      );
  }
}

/** The outcome of a command that never became a workload. */
export function notStarted(error: string): Outcome {
  return nodeError(error, { cause: "not_started" });
}

/** An outcome as the log tells it. */
export function describeOutcome({ status, end }: Outcome): string {
  if (status === "ok") return "succeeded";
  const verb = end.cause === "exited" ? "failed" : end.cause.replace("_", " ");
  const detail = end.exitCode === undefined ? end.signal : `code ${end.exitCode}`;
  return detail === undefined ? verb : `${verb} (${detail})`;
}

function nodeError(error: string, end: Omit<End, "bytes">): Outcome {
  return { status: "error", source: "node", error, end };
}

function exitDetails(exit: Exit): { exitCode?: number; signal?: string } {
  if (exit.type === "exited") return { exitCode: exit.code };
  return exit.type === "killed" ? { signal: exit.signal } : {};
}

/** The POSIX numbers of the signals a group of processes can be ended with from outside. */
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGTERM: 15,
};

function signalNumber(signal: string): string {
  const number = SIGNAL_NUMBERS[signal];
  return number === undefined ? signal : `${number} (${signal})`;
}
