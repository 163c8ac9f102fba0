/**
 * What the platform says of a workload. Pure.
 *
 * @module
 */
import type { EmulatedInstance } from "./instances.ts";
import type { Fields } from "./json_answers.ts";
import type { EmulatedWorkload } from "./emulated_workload.ts";

/** A workload with all fields of the platform's model, and what a person likes to know beside. */
export function describeWorkload(
  workload: EmulatedWorkload,
  instance: EmulatedInstance | undefined,
): Fields {
  return {
    uuid: workload.uuid,
    profile_uuid: PROFILE_UUID,
    profile_slug: workload.profileSlug ?? "default",
    instance_uuid: workload.instanceUuid,
    instance_slug: instance?.slug ?? null,
    status: workload.status,
    twin_uuid: null,
    controller_policy_uuid: null,
    controller_type: null,
    mlmodel_uuid: null,
    mlmodel_name: null,
    mlmodel_external_id: null,
    workspace_uuid: workload.workspaceUuid,
    visibility: "private",
    created_at: workload.createdAt,
    updated_at: workload.updatedAt,
    created_by_email: null,
    command_type: workload.commandType,
    command_params: workload.commandParams,
    results: resultsOf(workload),
    callback_task: null,
    callback_kwargs: null,
    failure_code: workload.rejectionReason,
    failure_message: workload.error,
    // Not of the model.
    message: workload.message,
    pid: workload.pid,
    success: workload.success,
    exit_code: workload.exitCode,
    error: workload.error,
    failure_detail: workload.failureDetail,
    stderr: workload.stderr,
    signal: workload.signal,
    file_count: workload.fileCount,
    rejection_reason: workload.rejectionReason,
    rejecting_instance_uuid: workload.rejectingInstanceUuid,
  };
}

/** There is one profile. */
const PROFILE_UUID = "00000000-0000-4000-8000-000000000001";

/** What the workload's script reported, and which files there are; `null` while there is neither. */
function resultsOf({ result, results }: EmulatedWorkload): Fields | null {
  if (result === null && results.length === 0) return null;
  const files = results.map(({ filename, attachmentUuid, size }) => ({
    filename,
    attachment_uuid: attachmentUuid,
    size,
  }));
  return { ...(result as Fields | null), ...(files.length > 0 && { files }) };
}
