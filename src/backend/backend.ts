/**
 * The control plane: every call that a node makes to the backend, whatever carries it.
 *
 * @module
 */

/** What a new instance should be. */
export interface InstanceRequest {
  /** The hardware and capability profile. */
  profileSlug: string;
  /** A hint: the backend may choose another slug. */
  slug?: string;
  /** The workspace it belongs to. Default: the token's own. */
  workspaceUuid?: string;
}

/** An instance, named by the backend. */
export interface Instance {
  /** What identifies it. */
  uuid: string;
  /** Its name for people. */
  slug: string;
}

/** An instance whose slug may not be known yet. */
export interface InstanceRef {
  /** What identifies it. */
  uuid: string;
  /** Its name for people. */
  slug?: string;
}

/** A piece of an instance's log. */
export interface LogEntry {
  /** What it is from. */
  type: "stdout" | "stderr" | "system" | "app";
  /** The text. */
  content: string;
}

/** A workload, as the platform knows it. */
export interface PlatformWorkload {
  /** Where it stands, in the platform's words. */
  status: string;
  /** The instance it was given to, if any. */
  instanceUuid: string | undefined;
}

/** Where a result file is to be put. */
export interface SignedUpload {
  /** The URL. Its query is a secret. */
  readonly signedUrl: string;
  /** What the backend calls the file: `<attachment UUID><extension>`. */
  readonly filename: string;
}

/** Result files that were put at their signed URLs: equally long lists. */
export interface UploadedResults {
  /** Their paths relative to the results folder, with `/`. */
  filenames: readonly string[];
  /** Where they were put. */
  signedUrls: readonly string[];
  /** The UUIDs that the backend gave them. */
  attachmentUuids: readonly string[];
}

/**
 * The calls to the backend. Each throws an `AuthenticationError` when
 * the token is rejected and a `BackendError` when it fails otherwise; a call that is aborted throws
 * its signal's reason.
 */
export interface Backend {
  /** Keeps up what connection the calls need, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Makes sure that the token is not refused, as far as the answer shows. */
  checkToken(signal?: AbortSignal): Promise<"accepted" | "unknown">;
  /** Creates an instance. It still has to be registered. */
  createInstance(request: InstanceRequest, signal?: AbortSignal): Promise<Instance>;
  /** Reports that the instance `uuid` runs here. `"gone"`: there is no such instance. */
  register(
    uuid: string,
    request: { profileSlug: string },
    signal?: AbortSignal,
  ): Promise<Instance | "gone">;
  /** Reports that the instance is alive. `"gone"`: the backend knows no such living instance. */
  heartbeat(instance: InstanceRef, signal?: AbortSignal): Promise<"alive" | "gone">;
  /** Reports that the instance stopped because it was asked to. */
  terminated(instance: InstanceRef, signal?: AbortSignal): Promise<void>;
  /** Reports that the instance cannot work, and why. */
  failed(instance: InstanceRef, error: string, signal?: AbortSignal): Promise<void>;
  /** Adds to the log of the instance. */
  log(instance: InstanceRef, entry: LogEntry, signal?: AbortSignal): Promise<void>;
  /** What the platform knows about a workload; `undefined` when it knows none such. */
  workload(uuid: string, signal?: AbortSignal): Promise<PlatformWorkload | undefined>;
  /**
   * Asks where a result file of a workload is to be put: `filename` is its path relative to the
   * results folder, with `/`.
   */
  signUpload(workloadUuid: string, filename: string, signal?: AbortSignal): Promise<SignedUpload>;
  /** Reports that the result files of a workload are uploaded. */
  uploadResults(
    workloadUuid: string,
    results: UploadedResults,
    signal?: AbortSignal,
  ): Promise<void>;
}
