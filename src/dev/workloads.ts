/**
 * The workloads that the emulated platform follows.
 *
 * @module
 */
import { accepted, type Fields, refusal } from "./json_answers.ts";
import { isBusy, note } from "./workload_reports.ts";
import { type Clock, systemClock } from "../time.ts";
import { Attachments } from "./attachments.ts";
import type { EmulatedWorkload, WorkloadCommand } from "./emulated_workload.ts";

const STATUSES = ["running", "finalizing", "completed", "failed", "cancelled"];
const ENDS = ["completed", "failed", "cancelled"];

/** The workloads of the emulated platform. */
export class Workloads {
  /** Every workload ever created here, by UUID. */
  readonly byUuid: Map<string, EmulatedWorkload> = new Map();
  /** Their result files. */
  readonly attachments: Attachments = new Attachments();
  readonly #clock: Clock;

  /** Dates workloads by `clock`. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  #timestamp(): string {
    return new Date(this.#clock.now()).toISOString();
  }

  /** Creates one, given to an instance unless that is `null`. */
  create(
    instanceUuid: string | null,
    { profileSlug, workspaceUuid, commandType, commandParams = {} }: WorkloadCommand = {},
  ): EmulatedWorkload {
    const createdAt = this.#timestamp();
    const workload: EmulatedWorkload = {
      uuid: crypto.randomUUID(),
      status: "pending",
      instanceUuid,
      profileSlug: profileSlug ?? null,
      workspaceUuid: workspaceUuid ?? null,
      createdAt,
      updatedAt: createdAt,
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
      if (workload.instanceUuid !== instanceUuid || hasEnded(workload)) continue;
      backIntoQueue(workload);
    }
  }

  /** Gives a workload to an instance. */
  assign(workload: EmulatedWorkload, instanceUuid: string): void {
    workload.instanceUuid = instanceUuid;
    workload.status = "assigned";
    workload.updatedAt = this.#timestamp();
  }

  /** Takes a workload that did not reach its instance back into the queue. */
  takeBack(workload: EmulatedWorkload): void {
    if (workload.status === "assigned") backIntoQueue(workload);
  }

  /** How many workloads of an instance have not ended. */
  unfinishedOn(instanceUuid: string): number {
    return [...this.byUuid.values()]
      .filter((workload) => workload.instanceUuid === instanceUuid && !hasEnded(workload)).length;
  }

  /** Those that wait for an instance, in the order in which they came. */
  waiting(): EmulatedWorkload[] {
    return [...this.byUuid.values()].filter(({ status, instanceUuid, profileSlug }) =>
      ["pending", "queued"].includes(status) && instanceUuid === null && profileSlug !== null
    );
  }

  /** Takes in where a workload stands. */
  update(workload: EmulatedWorkload, fields: Fields): Response {
    const { status } = fields;
    if (typeof status !== "string" || !STATUSES.includes(status)) {
      return refusal(422, `status must be one of ${STATUSES.join(", ")}`);
    }
    workload.statuses.push(fields);
    workload.updatedAt = this.#timestamp();
    if (hasEnded(workload)) return accepted();
    workload.status = status;
    note(workload, fields);
    if (status === "failed" && isBusy(fields)) backIntoQueue(workload);
    return accepted();
  }

  /** Takes in the result that a workload's own script reports. */
  complete(workload: EmulatedWorkload, { result = null, success = null }: Fields): Response {
    if (typeof result !== "object" || Array.isArray(result)) {
      return refusal(422, "result must be an object");
    }
    if (success !== null && typeof success !== "boolean") {
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

/** Whether nothing more is to come of a workload. */
export function hasEnded({ status }: EmulatedWorkload): boolean {
  return ENDS.includes(status);
}

function backIntoQueue(workload: EmulatedWorkload): void {
  workload.instanceUuid = null;
  workload.status = "queued";
}

function end(workload: EmulatedWorkload, status: string, change: () => void): Response {
  if (hasEnded(workload)) {
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
