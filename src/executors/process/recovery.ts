/**
 * What a node does, when it starts, about a command that was running when the last one ended.
 *
 * @module
 */
import type { StopRequest } from "../../journal/record.ts";
import type { ProcessIdentity } from "../../os/process_identity.ts";
import type { Exit } from "../../workloads/folder.ts";

/** What the journal has of a workload. */
export interface Remembered {
  /** The process that ran it. */
  readonly process: ProcessIdentity;
  /** That it was to be stopped. */
  readonly stop: StopRequest | undefined;
}

/** What can be seen of a workload from outside. */
export interface Evidence {
  /** This boot's id; `""` when it cannot be told. */
  readonly bootId: string;
  /**
   * The start time of the process that has the workload's pid now, `undefined` when there is none;
   * `"unknown"` when it could not be looked at.
   */
  readonly startTime: string | undefined | "unknown";
  /** What the exit file says, read after the process was looked at. */
  readonly exitFile: number | "begun" | undefined;
}

/** What to do about it. */
export type Recovery =
  /** It still runs, or may: watch it. */
  | { readonly action: "attach" }
  /** It ended. */
  | { readonly action: "collect"; readonly exit: Exit }
  /** It certainly never began, and nobody has asked to stop it: run it. */
  | { readonly action: "requeue" };

/** Decides it. When in doubt a workload is watched, never signalled and never run again. */
export function recover({ process, stop }: Remembered, evidence: Evidence): Recovery {
  const { bootId, startTime, exitFile } = evidence;
  if (typeof exitFile === "number") return collect({ type: "exited", code: exitFile });
  if (bootId === "") return { action: "attach" };
  if (process.bootId !== bootId) {
    // A power cut may have taken the file that says it began: it must not run twice.
    return collect({ type: "lost" });
  }
  if (startTime === "unknown" || startTime === process.startTime) return { action: "attach" };
  // Nothing but SIGKILL ends the shell that writes the exit code.
  if (exitFile === "begun") return collect({ type: "killed", signal: "SIGKILL" });
  return stop === undefined ? { action: "requeue" } : collect({ type: "never_began" });
}

function collect(exit: Exit): Recovery {
  return { action: "collect", exit };
}
