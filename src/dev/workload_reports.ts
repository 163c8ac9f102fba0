/**
 * What a node reports of a workload. Pure.
 *
 * @module
 */
import type { Fields } from "./json_answers.ts";
import type { EmulatedWorkload } from "./emulated_workload.ts";

/** Older backends recognise a refusal by how its error begins. */
const BUSY_PREFIX = "Controller host is busy with";

/** Keeps what a status says beside the status itself. */
export function note(workload: EmulatedWorkload, fields: Fields): void {
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  const number = (value: unknown) => typeof value === "number" ? value : undefined;
  workload.message = text(fields.message) ?? workload.message;
  workload.pid = number(fields.pid) ?? workload.pid;
  workload.exitCode = number(fields.exit_code) ?? workload.exitCode;
  workload.fileCount = number(fields.file_count) ?? workload.fileCount;
  workload.error = text(fields.error) ?? workload.error;
  workload.failureDetail = text(fields.failure_detail) ?? workload.failureDetail;
  workload.stderr = text(fields.stderr) ?? workload.stderr;
  workload.signal = text(fields.signal) ?? workload.signal;
  workload.rejectionReason = text(fields.rejection_reason) ?? workload.rejectionReason;
  workload.rejectingInstanceUuid = text(fields.rejecting_instance_uuid) ??
    workload.rejectingInstanceUuid;
  if (typeof fields.success === "boolean") workload.success = fields.success;
}

/** Whether a status refuses a workload because its instance has no room for it. */
export function isBusy({ rejection_reason, error }: Fields): boolean {
  return rejection_reason === "host_busy" ||
    (typeof error === "string" && error.startsWith(BUSY_PREFIX));
}
