/**
 * The workloads that the emulated platform follows.
 *
 * @module
 */
import { accepted, type Fields, refusal } from "./json_answers.ts";
import { Attachments, type StoredFile } from "./attachments.ts";

/** A result file of a workload. */
export interface EmulatedResult extends StoredFile {
  /** The name it was reported under. */
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
  /** Every status reported, repeats too, in the order in which they came, with their fields. */
  readonly statuses: Fields[];
  /** Its result files, once they were reported. */
  readonly results: EmulatedResult[];
}

const STATUSES = ["running", "finalizing", "completed", "failed", "cancelled"];
const ENDS = ["completed", "failed", "cancelled"];

/** The workloads of the emulated platform. */
export class Workloads {
  /** Every workload ever created here, by UUID. */
  readonly byUuid: Map<string, EmulatedWorkload> = new Map();
  /** Their result files. */
  readonly attachments: Attachments = new Attachments();

  /** Creates one, given to an instance unless that is `null`. */
  create(instanceUuid: string | null): EmulatedWorkload {
    const workload: EmulatedWorkload = {
      uuid: crypto.randomUUID(),
      status: "pending",
      instanceUuid,
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
      workload.instanceUuid = null;
      workload.status = "pending";
    }
  }

  /** Answers with what there is to know about a workload. */
  describe(workload: EmulatedWorkload): Response {
    const { uuid, status, instanceUuid } = workload;
    return Response.json({ uuid, status, instance_uuid: instanceUuid });
  }

  /** Takes in where a workload stands. */
  update(workload: EmulatedWorkload, fields: Fields): Response {
    const { status } = fields;
    if (typeof status !== "string" || !STATUSES.includes(status)) {
      return refusal(422, `status must be one of ${STATUSES.join(", ")}`);
    }
    workload.statuses.push(fields);
    if (!ENDS.includes(workload.status)) workload.status = status;
    return accepted();
  }

  /** Answers with a URL at which a file of the workload can be put. */
  sign(workload: EmulatedWorkload, { filename }: Fields, origin: string): Response {
    if (typeof filename !== "string" || !ATTACHMENT_NAME.test(filename)) {
      return refusal(422, "filename must be a UUID and an extension");
    }
    const url = this.attachments.sign(origin, workload.uuid, filename);
    return Response.json({ signed_url: url, filename, expiration_hours: 1 });
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
    const results: EmulatedResult[] = [];
    for (const [index, filename] of filenames.entries()) {
      const file = this.attachments.at(urls[index]);
      if (file === undefined) return refusal(400, `${filename} has not been uploaded`);
      results.push({ filename, attachmentUuid: uuids[index], ...file });
    }
    workload.results.splice(0, Infinity, ...results);
    return accepted();
  }
}

const ATTACHMENT_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[^/\\]*)?$/i;

function stringsIn(value: unknown): string[] {
  const isList = Array.isArray(value) && value.every((item) => typeof item === "string");
  return isList ? value : [];
}
