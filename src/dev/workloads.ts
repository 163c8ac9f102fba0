/**
 * The workloads that the emulated platform follows.
 *
 * @module
 */
import { accepted, type Fields, refusal } from "./json_answers.ts";
import { Attachments, type StoredFile } from "./attachments.ts";

/** A result file of a workload. */
export interface EmulatedResult extends StoredFile {
  /** The path it was reported under. */
  readonly filename: string;
  /** What identifies it. */
  readonly attachmentUuid: string;
}

/** A workload, as the emulated platform knows it. */
export interface EmulatedWorkload {
  /** What identifies it. */
  readonly uuid: string;
  /** Where it stands: `pending`, then what was reported last, but never away from an end. */
  status: string;
  /** The instance it was given to, if any. */
  instanceUuid: string | null;
  /** What kind of command it is. */
  readonly commandType: string | null;
  /** The command's params. */
  readonly commandParams: Fields;
  /** What was last said about it. */
  message: string | null;
  /** The process that runs it, or ran it. */
  pid: number | null;
  /** Whether it succeeded, once that is known. */
  success: boolean | null;
  /** The exit code of its process. */
  exitCode: number | null;
  /** Why it failed. */
  error: string | null;
  /** The same in detail. */
  failureDetail: string | null;
  /** The end of its standard error. */
  stderr: string | null;
  /** The signal that ended it. */
  signal: string | null;
  /** How many result files are being uploaded. */
  fileCount: number | null;
  /** Why an instance refused it, and which one. */
  rejectionReason: string | null;
  rejectingInstanceUuid: string | null;
  /** What a script of the workload itself reported as its result. */
  result: unknown;
  /** Every status reported, repeats too, in the order in which they came, with their fields. */
  readonly statuses: Fields[];
  /** Its result files, once they were reported. */
  readonly results: EmulatedResult[];
}

/** What a workload is to run. */
export interface WorkloadCommand {
  /** What kind of command it is. */
  readonly commandType?: string;
  /** The command's params. */
  readonly commandParams?: Fields;
}

const STATUSES = ["running", "finalizing", "completed", "failed", "cancelled"];
const ENDS = ["completed", "failed", "cancelled"];

/** Older backends recognise a refusal by how its error begins. */
const BUSY_PREFIX = "Controller host is busy with";

/** The workloads of the emulated platform. */
export class Workloads {
  /** Every workload ever created here, by UUID. */
  readonly byUuid: Map<string, EmulatedWorkload> = new Map();
  /** Their result files. */
  readonly attachments: Attachments = new Attachments();

  /** Creates one, given to an instance unless that is `null`. */
  create(
    instanceUuid: string | null,
    { commandType, commandParams = {} }: WorkloadCommand = {},
  ): EmulatedWorkload {
    const workload: EmulatedWorkload = {
      uuid: crypto.randomUUID(),
      status: "pending",
      instanceUuid,
      commandType: commandType ?? null,
      commandParams,
      message: null,
      pid: null,
      success: null,
      exitCode: null,
      error: null,
      failureDetail: null,
      stderr: null,
      signal: null,
      fileCount: null,
      rejectionReason: null,
      rejectingInstanceUuid: null,
      result: null,
      statuses: [],
      results: [],
    };
    this.byUuid.set(workload.uuid, workload);
    return workload;
  }

  /** Takes those of an instance that has failed back into the queue. */
  requeue(instanceUuid: string): void {
    for (const workload of this.byUuid.values()) {
      if (workload.instanceUuid !== instanceUuid || ENDS.includes(workload.status)) continue;
      backIntoQueue(workload);
    }
  }

  /** Answers with what there is to know about a workload. */
  describe(workload: EmulatedWorkload): Response {
    return Response.json({
      uuid: workload.uuid,
      status: workload.status,
      instance_uuid: workload.instanceUuid,
      command_type: workload.commandType,
      command_params: workload.commandParams,
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
      result: workload.result,
      results: workload.results.map(({ filename, attachmentUuid, size }) => ({
        filename,
        attachment_uuid: attachmentUuid,
        size,
      })),
    });
  }

  /** Takes in where a workload stands. */
  update(workload: EmulatedWorkload, fields: Fields): Response {
    const { status } = fields;
    if (typeof status !== "string" || !STATUSES.includes(status)) {
      return refusal(422, `status must be one of ${STATUSES.join(", ")}`);
    }
    workload.statuses.push(fields);
    if (ENDS.includes(workload.status)) return accepted();
    workload.status = status;
    note(workload, fields);
    if (status === "failed" && isBusy(fields)) backIntoQueue(workload);
    return accepted();
  }

  /** Takes in the result that a workload's own script reports. */
  complete(workload: EmulatedWorkload, { result, success }: Fields): Response {
    if (typeof result !== "object" || result === null || Array.isArray(result)) {
      return refusal(422, "result must be an object");
    }
    if (success !== undefined && typeof success !== "boolean") {
      return refusal(422, "success must be true or false");
    }
    return end(workload, success === false ? "failed" : "completed", () => {
      workload.result = result;
      workload.success = success ?? true;
    });
  }

  /** Takes in that a workload's own script has failed. */
  fail(workload: EmulatedWorkload, { error }: Fields): Response {
    return end(workload, "failed", () => {
      workload.error = typeof error === "string" ? error : null;
      workload.success = false;
    });
  }

  /** Takes in that a workload is not wanted any more. */
  cancel(workload: EmulatedWorkload): Response {
    return end(workload, "cancelled", () => {});
  }

  /** Answers with an attachment for a file of the workload, and the URL at which it can be put. */
  sign(workload: EmulatedWorkload, { filename }: Fields, origin: string): Response {
    if (typeof filename !== "string" || !isRelativePath(filename)) {
      return refusal(422, "filename must be a path relative to the results folder");
    }
    const attachment = this.attachments.create(origin, workload.uuid, filename);
    return Response.json({
      signed_url: attachment.signedUrl,
      filename: attachment.filename,
      expiration_hours: 1,
    });
  }

  /** Takes in which files are there. */
  report(workload: EmulatedWorkload, fields: Fields): Response {
    const [filenames, urls, uuids] = [
      fields.filenames,
      fields.signed_urls,
      fields.attachment_uuids,
    ].map(stringsIn);
    if (filenames.length === 0 || [urls, uuids].some(({ length }) => length !== filenames.length)) {
      return refusal(422, "filenames, signed_urls and attachment_uuids must be equally long lists");
    }
    const reported = new Map(workload.results.map((result) => [result.filename, result]));
    for (const [index, filename] of filenames.entries()) {
      const attachment = this.attachments.find(uuids[index]);
      if (attachment?.workloadUuid !== workload.uuid) {
        return refusal(404, `Attachment ${uuids[index]} not found`);
      }
      if (attachment.signedUrl !== urls[index]) {
        return refusal(422, `${filename} was signed for elsewhere`);
      }
      if (attachment.file === undefined) return refusal(400, `${filename} has not been uploaded`);
      reported.set(filename, { filename, attachmentUuid: attachment.uuid, ...attachment.file });
    }
    workload.results.splice(0, Infinity, ...reported.values());
    return accepted();
  }
}

/** Keeps what a status says beside the status itself. */
function note(workload: EmulatedWorkload, fields: Fields): void {
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

function isBusy({ rejection_reason, error }: Fields): boolean {
  return rejection_reason === "host_busy" ||
    (typeof error === "string" && error.startsWith(BUSY_PREFIX));
}

function backIntoQueue(workload: EmulatedWorkload): void {
  workload.instanceUuid = null;
  workload.status = "queued";
}

function end(workload: EmulatedWorkload, status: string, change: () => void): Response {
  if (ENDS.includes(workload.status)) {
    return refusal(400, `Workload is ${workload.status} already`);
  }
  workload.status = status;
  change();
  return accepted();
}

/** Whether `path` names a file in a folder, whatever the folder. */
function isRelativePath(path: string): boolean {
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

function stringsIn(value: unknown): string[] {
  const isList = Array.isArray(value) && value.every((item) => typeof item === "string");
  return isList ? value : [];
}
