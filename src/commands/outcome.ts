/**
 * What the end of a command means for its sender. Pure.
 *
 * @module
 */
import type { Exit } from "../executors/executor.ts";
import { exitCodeMeaning, SIGKILL_CODE } from "../executors/exit_code.ts";
import type { End, StopRequest } from "../journal/record.ts";
import type { SmallOutput } from "../workloads/folder.ts";

/** What to store and what to answer. */
export type Outcome =
  & {
    readonly end: Omit<End, "bytes">;
    /** What it printed that is in no file. Default: all of it is in its folder. */
    readonly output?: SmallOutput;
  }
  & (
    | { readonly status: "ok" }
    /** The error is the workload's own, `fallback` when it wrote none. */
    | {
      readonly status: "error";
      readonly source: "stderr";
      readonly fallback: string;
      /** A note that follows. */
      readonly note?: string;
    }
    /** The error is the node's own, or comes from its executor. */
    | { readonly status: "error"; readonly source: "node"; readonly error: string }
  );

/**
 * Decides the outcome of a command. A request to stop it explains its end better than the code or
 * signal it ended with; `timeout` is in seconds.
 */
export function outcomeOf(exit: Exit, stop: StopRequest | undefined, timeout = 0): Outcome {
  // An answer that wins the race with a request to stop counts.
  if (exit.type === "answered") {
    return { status: "ok", end: { cause: "exited", exitCode: 0 }, output: exit.output };
  }
  if (stop !== undefined) return stopped(exit, stop, timeout);
  switch (exit.type) {
    case "exited":
      if (exit.code === 0) return { status: "ok", end: { cause: "exited", exitCode: 0 } };
      return {
        status: "error",
        source: "stderr",
        fallback: `Command failed with code ${exit.code}`,
        ...(exit.oomKill && { note: OUT_OF_MEMORY }),
        end: {
          cause: "exited",
          exitCode: exit.code,
          ...(exit.oomKill && { oomKill: true }),
        },
      };
    case "killed":
      return nodeError(`Workload killed by signal ${signalNumber(exit.signal)}`, {
        cause: "killed",
        signal: exit.signal,
      });
    case "failed":
      return {
        // What answers for itself has no exit code.
        ...nodeError(exit.error, { cause: "exited" }),
        ...(exit.output && { output: exit.output }),
      };
    case "lost":
      return nodeError(`Workload lost: ${exit.why}`, { cause: "lost" });
    case "not_started":
      return notStarted(`Workload could not be started: ${exit.why}`);
  }
}

/** What the reply says about a kill for lack of memory, of which the kernel shows no more. */
const OUT_OF_MEMORY = "The kernel killed a process for lack of memory while this ran";

/** The outcome of a command that never became a workload. */
export function notStarted(error: string): Outcome {
  return nodeError(error, { cause: "not_started" });
}

/** The outcome of a command that left what cannot be read. */
export function unreadable(outcome: Outcome, why: string): Outcome {
  if (outcome.status === "error" && outcome.source === "node") return outcome;
  const error = `The workload ${describeOutcome(outcome)}, but what it left cannot be read: ${why}`;
  return nodeError(error, outcome.end);
}

/** An outcome as the log reports it. */
export function describeOutcome({ status, end }: Outcome): string {
  return status === "ok" ? "succeeded" : howItEnded(end);
}

/** The end of a command that did not succeed, in words. */
export function howItEnded(end: Omit<End, "bytes">): string {
  const verb = end.cause === "exited" ? "failed" : end.cause.replace("_", " ");
  const { cause, exitCode, oomKill } = end;
  const detail = exitCode === undefined
    ? end.signal
    : cause === "exited"
    ? exitCodeInWords(exitCode, oomKill)
    : `code ${exitCode}`;
  return detail === undefined ? verb : `${verb} (${detail})`;
}

function exitCodeInWords(code: number, oomKill?: boolean): string {
  const meaning = exitCodeMeaning(code, oomKill);
  return meaning === undefined ? `code ${code}` : `code ${code}: ${meaning}`;
}

function stopped(exit: Exit, stop: StopRequest, timeout: number): Outcome {
  const reason = {
    timed_out: `Command timed out after ${timeout} s`,
    cancelled: `Command was cancelled by ${stop.signal}`,
    withdrawn: "Command was stopped: the platform no longer wants it from this node",
  }[stop.cause];
  const survivors = "survivors" in exit ? exit.survivors ?? [] : [];
  const left = survivors.length === 0
    ? ""
    : `, but these processes of it could not be ended: ${survivors.join(", ")}`;
  const note = exit.type === "killed" && exit.note !== undefined ? `, but ${exit.note}` : "";
  const isForced = stop.cause === "cancelled" && stop.signal !== "SIGKILL" && isKilled(exit);
  const force = isForced && left + note === "" ? ", and ended by SIGKILL" : "";
  const outcome = nodeError(reason + force + left + note, {
    cause: stop.cause,
    // The requested signal, whichever it took to end it.
    signal: stop.signal,
    ...(exit.type === "exited" && { exitCode: exit.code }),
  });
  const output = exit.type === "failed" ? exit.output : undefined;
  return output === undefined ? outcome : { ...outcome, output };
}

/** Whether SIGKILL has ended it. */
function isKilled(exit: Exit): boolean {
  if (exit.type === "exited") return exit.code === SIGKILL_CODE;
  return exit.type === "killed" && exit.signal === "SIGKILL";
}

function nodeError(error: string, end: Omit<End, "bytes">): Outcome {
  return { status: "error", source: "node", error, end };
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
