/**
 * The control plane over REST.
 *
 * @module
 */
import { checkedId } from "./answer.ts";
import type {
  Backend,
  Instance,
  InstanceRef,
  InstanceRequest,
  LogEntry,
  PlatformWorkload,
  SignedUpload,
  UploadedResults,
} from "./backend.ts";
import { newInstanceBody, uploadedResultsBody } from "./request_bodies.ts";
import { HttpApi } from "./rest_http.ts";

/** How to reach the backend. */
export interface RestOptions {
  /** Where the API is, such as `https://api.cyberwave.com`. */
  apiUrl: string;
  /** The API token. Read for each call, so that a getter may give another one later. */
  readonly token: string;
  /** Where the token came from, as said in errors about it. Default: not said. */
  readonly tokenSource?: string;
  /** The workspace to work in. Default: the token's own. */
  workspaceSlug?: string;
  /** How long one call may take, in milliseconds. Default 30,000. */
  timeoutMs?: number;
}

/**
 * The backend's REST calls. Each throws an `AuthenticationError` for HTTP 401 and 403, and a
 * `BackendError` when it fails otherwise; a call that is aborted throws its signal's reason.
 */
export class RestBackend implements Backend {
  readonly #http: HttpApi;
  readonly #workspaceSlug: string | undefined;

  /** Does not call anything yet. */
  constructor(options: RestOptions) {
    this.#http = new HttpApi(options);
    this.#workspaceSlug = options.workspaceSlug;
  }

  /** Resolves at once: each call makes a connection of its own. */
  run(_signal?: AbortSignal): Promise<void> {
    return Promise.resolve();
  }

  /** Makes sure that the backend accepts the token. */
  async checkToken(signal?: AbortSignal): Promise<"accepted"> {
    const answer = await this.#http.get(`/api/v1/cloud-node/instances${this.#query()}`, signal);
    answer.result();
    return "accepted";
  }

  /** Creates an instance. It still has to be registered. */
  async createInstance(request: InstanceRequest, signal?: AbortSignal): Promise<Instance> {
    const path = `/api/v1/cloud-node${this.#query()}`;
    const answer = await this.#http.post(path, newInstanceBody(request), signal);
    return answer.instance();
  }

  /** Reports that the instance `uuid` runs here. `"gone"`: there is no such instance. */
  async register(
    uuid: string,
    request: { profileSlug: string },
    signal?: AbortSignal,
  ): Promise<Instance | "gone"> {
    const body = { profile_slug: request.profileSlug };
    const answer = await this.#http.post(pathOf(uuid, "register"), body, signal);
    return answer.status === 404 ? "gone" : answer.instance();
  }

  /** Reports that the instance is alive. `"gone"`: the backend knows no such living instance. */
  async heartbeat(instance: InstanceRef, signal?: AbortSignal): Promise<"alive" | "gone"> {
    const body = this.#identify(instance);
    const answer = await this.#http.post(pathOf(instance.uuid, "heartbeat"), body, signal);
    if (answer.isGone) return "gone";
    answer.result();
    return "alive";
  }

  /** Reports that the instance stopped because it was asked to. */
  async terminated(instance: InstanceRef, signal?: AbortSignal): Promise<void> {
    const body = this.#identify(instance);
    const answer = await this.#http.post(pathOf(instance.uuid, "terminated"), body, signal);
    answer.result();
  }

  /** Reports that the instance cannot work, and why. */
  async failed(instance: InstanceRef, error: string, signal?: AbortSignal): Promise<void> {
    const body = { ...this.#identify(instance), error };
    const answer = await this.#http.post(pathOf(instance.uuid, "failed"), body, signal);
    answer.result();
  }

  /** Adds to the log of the instance. */
  async log(
    instance: InstanceRef,
    { type, content }: LogEntry,
    signal?: AbortSignal,
  ): Promise<void> {
    const body = { ...this.#identify(instance), log_type: type, log_content: content };
    const answer = await this.#http.post(pathOf(instance.uuid, "log"), body, signal);
    answer.result();
  }

  /** What the platform knows about a workload; `undefined` when it knows none such. */
  async workload(uuid: string, signal?: AbortSignal): Promise<PlatformWorkload | undefined> {
    const answer = await this.#http.get(workloadPath(uuid), signal);
    return answer.workload();
  }

  /** Asks where the result file at the relative path `filename` is to be put. */
  async signUpload(
    workloadUuid: string,
    filename: string,
    signal?: AbortSignal,
  ): Promise<SignedUpload> {
    const path = `${workloadPath(workloadUuid)}/attachments`;
    const answer = await this.#http.post(path, { filename }, signal);
    return answer.signedUpload();
  }

  /** Reports that the result files of a workload are uploaded. */
  async uploadResults(
    workloadUuid: string,
    results: UploadedResults,
    signal?: AbortSignal,
  ): Promise<void> {
    const path = `${workloadPath(workloadUuid)}/upload-results`;
    const answer = await this.#http.post(path, uploadedResultsBody(results), signal);
    answer.result();
  }

  #query(): string {
    const slug = this.#workspaceSlug;
    return slug === undefined ? "" : `?workspace_slug=${encodeURIComponent(slug)}`;
  }

  #identify({ uuid, slug }: InstanceRef): Record<string, unknown> {
    return { instance_uuid: uuid, slug, workspace_slug: this.#workspaceSlug };
  }
}

function pathOf(uuid: string, action: string): string {
  return `/api/v1/cloud-node/${encodeURIComponent(checkedId(uuid))}/${action}`;
}

function workloadPath(uuid: string): string {
  return `/api/v1/cloud-node-workloads/${encodeURIComponent(checkedId(uuid))}`;
}
