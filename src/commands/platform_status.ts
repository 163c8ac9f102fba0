/**
 * The statuses of workloads that the platform tracks.
 *
 * @module
 */
import { counted } from "../errors.ts";
import type { Message } from "../journal/messages.ts";
import { redact } from "../log.ts";
import { encodeStatus, type WorkloadStatus } from "../protocol/workload_status.ts";
import type { Command } from "./command.ts";
import type { Outcome } from "./outcome.ts";

/** A command, as far as the platform tracks it. */
type ReportedCommand = Pick<Command, "workloadUuid">;

const SUCCESS: WorkloadStatus = { status: "completed", success: true, exit_code: 0 };

/** The beginning of a refusal after which older backends queue the workload again. */
const BUSY_PREFIX = "Controller host is busy with";

/** How much of its standard error the platform wants to see, in characters. */
const STDERR_LENGTH = 2_000;

/** How much of the reason for a failure it gets. */
const ERROR_LENGTH = 2_000;

/** Reports on the workloads that the platform tracks, and on no others. */
export class PlatformStatus {
  readonly #topicOf: (workloadUuid: string) => string;

  /** `topicOf` says where the statuses of a workload go. */
  constructor(topicOf: (workloadUuid: string) => string) {
    this.#topicOf = topicOf;
  }

  /** Reports that a workload runs. */
  started(command: ReportedCommand, pid: number | undefined): Message[] {
    const status = { status: "running", message: "Workload started", pid: pid ?? null } as const;
    return this.#report(command, status);
  }

  /** Reports that the results of a workload that succeeded are being uploaded. */
  finalizing(command: ReportedCommand, fileCount: number): Message[] {
    const message = `Uploading ${counted(fileCount, "result file")}`;
    return this.#report(command, { status: "finalizing", message, file_count: fileCount });
  }

  /** Reports that a workload succeeded and its results have arrived. */
  succeeded(command: ReportedCommand): Message[] {
    return this.#report(command, SUCCESS);
  }

  /** Reports why a workload did not start, or why its results did not arrive: for good. */
  failed(command: ReportedCommand, why: string): Message[] {
    return this.#report(command, failed(why));
  }

  /** Reports that the node has no room for a workload now: the platform queues it again. */
  busy(command: ReportedCommand, why: string, instanceUuid: string): Message[] {
    return this.#report(command, {
      ...failed(`${BUSY_PREFIX} other work: ${why}`),
      rejection_reason: "host_busy",
      rejecting_instance_uuid: instanceUuid,
    });
  }

  /** Reports how a workload ended. `stderr` reads its standard error. */
  ended(
    command: ReportedCommand & Pick<Command, "kind">,
    outcome: Outcome,
    pid: number | undefined,
    stderr: () => string,
  ): Message[] {
    const status = statusOf(command, outcome, pid ?? null, stderr);
    return status === undefined ? [] : this.#report(command, status);
  }

  #report({ workloadUuid }: ReportedCommand, status: WorkloadStatus): Message[] {
    if (workloadUuid === undefined) return [];
    return [{ topic: this.#topicOf(workloadUuid), payload: encodeStatus(status) }];
  }
}

/** The final status of a workload for the platform; `undefined`: the platform has withdrawn it. */
export function statusOf(
  { kind }: Pick<Command, "kind">,
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
        // The platform knows no failure without one.
        exit_code: exitCode ?? (cause === "exited" ? 1 : null),
        error,
        ...(text !== "" && { stderr: text }),
      };
    }
  }
}

function failed(why: string) {
  // It may quote the sender, at any length.
  const error = why.slice(0, ERROR_LENGTH).toWellFormed();
  return { status: "failed", error, failure_detail: error } as const;
}
