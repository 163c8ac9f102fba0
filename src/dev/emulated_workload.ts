/**
 * A workload, as the emulated platform knows it.
 *
 * @module
 */
import type { StoredFile } from "./attachments.ts";
import type { Fields } from "./json_answers.ts";

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
  /** The hardware and capability profile that it needs; `null` when nobody asked for one. */
  readonly profileSlug: string | null;
  /** The workspace it belongs to, if that was said. */
  readonly workspaceUuid: string | null;
  /** When it was created, and when it was last reported about, in ISO 8601. */
  readonly createdAt: string;
  updatedAt: string;
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
  /** The hardware and capability profile that it needs. */
  readonly profileSlug?: string;
  /** The workspace it belongs to. */
  readonly workspaceUuid?: string;
  /** What kind of command it is. */
  readonly commandType?: string;
  /** The command's params. */
  readonly commandParams?: Fields;
}
