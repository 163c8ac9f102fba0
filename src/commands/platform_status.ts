/**
 * What the platform is told about the workloads that it follows.
 *
 * @module
 */
import type { Message } from "../journal/messages.ts";
import type { ProcessIdentity } from "../os/process_identity.ts";
import { redact } from "../log.ts";
import { encodeStatus, type WorkloadStatus } from "../protocol/workload_status.ts";
import type { Outcome } from "./outcome.ts";
import type { Accepted } from "../executors/process/running.ts";

/** A command, as far as the platform follows it. */
export type Tracked = Pick<Accepted, "workloadUuid">;

/** One that was accepted. */
type TrackedKind = Pick<Accepted, "workloadUuid" | "kind">;

const SUCCESS: WorkloadStatus = { status: "completed", success: true, exit_code: 0 };

/** How much of its standard error the platform wants to see, in characters. */
const STDERR_LENGTH = 2_000;

/** How much it is told of why something failed. */
const ERROR_LENGTH = 2_000;

/** Tells the platform about the workloads that it follows, and of no others. */
export class Tracking {
  readonly #topicOf: (workloadUuid: string) => string;

  /** `topicOf` says where the statuses of a workload go. */
  constructor(topicOf: (workloadUuid: string) => string) {
    this.#topicOf = topicOf;
  }

  /** Says that a workload runs. */
  started(command: Tracked, { pid }: ProcessIdentity): Message[] {
    return this.#tell(command, { status: "running", message: "Workload started", pid });
  }

  /** Says that the results of a workload that succeeded are being uploaded. */
  finalizing(command: Tracked, fileCount: number): Message[] {
    const message = `Uploading ${fileCount} result file${fileCount === 1 ? "" : "s"}`;
    return this.#tell(command, { status: "finalizing", message, file_count: fileCount });
  }

  /** Says that a workload succeeded, results and all. */
  succeeded(command: Tracked): Message[] {
    return this.#tell(command, SUCCESS);
  }

  /** Says why a workload did not start, or why its results did not arrive. */
  refused(command: Tracked, why: string): Message[] {
    return this.#tell(command, failed(why));
  }

  /** Says how a workload ended. `stderr` reads its standard error. */
  ended(
    command: TrackedKind,
    outcome: Outcome,
    process: ProcessIdentity | undefined,
    stderr: () => string,
  ): Message[] {
    const status = statusOf(command, outcome, process?.pid ?? null, stderr);
    return status === undefined ? [] : this.#tell(command, status);
  }

  #tell({ workloadUuid }: Tracked, status: WorkloadStatus): Message[] {
    if (workloadUuid === undefined) return [];
    return [{ topic: this.#topicOf(workloadUuid), payload: encodeStatus(status) }];
  }
}

/** How a workload ended, in the platform's words; `undefined`: it has no interest any more. */
export function statusOf(
  { kind }: Pick<TrackedKind, "kind">,
  outcome: Outcome,
  pid: number | null,
  stderr: () => string,
): WorkloadStatus | undefined {
  const { cause, exitCode, signal } = outcome.end;
  if (outcome.status === "ok") return SUCCESS;
  const error = outcome.source === "node" ? outcome.error : outcome.fallback;
  switch (cause) {
    case "withdrawn":
      return undefined;
    case "not_started":
      return failed(error);
    case "cancelled":
      return {
        status: kind === "training" ? "failed" : "cancelled",
        message: error,
        signal: signal ?? "SIGTERM",
        pid,
      };
    default: {
      const text = redact(stderr()).slice(-STDERR_LENGTH).toWellFormed();
      return {
        status: "completed",
        success: false,
        exit_code: exitCode ?? null,
        error,
        ...(text !== "" && { stderr: text }),
      };
    }
  }
}

function failed(why: string): WorkloadStatus {
  // A stranger's words may be in it, at any length.
  const error = why.slice(0, ERROR_LENGTH).toWellFormed();
  return { status: "failed", error, failure_detail: error };
}
