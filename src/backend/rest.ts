/**
 * The control plane over REST: everything a node tells the backend and asks of it.
 *
 * @module
 */
import { BackendError, quoted } from "../errors.ts";
import { identifierProblem } from "../protocol/identifiers.ts";
import { type Answer, HttpApi } from "./rest_http.ts";

/** How to reach the backend. */
export interface RestOptions {
  /** Where the API is, such as `https://api.cyberwave.com`. */
  apiUrl: string;
  /** The API token. */
  token: string;
  /** Where the token came from, as said in errors about it. Default: not said. */
  tokenSource?: string;
  /** The workspace to work in. Default: the token's own. */
  workspaceSlug?: string;
  /** How long one call may take, in milliseconds. Default 30,000. */
  timeoutMs?: number;
}

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

/**
 * The backend's REST calls. Each throws an `AuthenticationError` for HTTP 401 and 403, and a
 * `BackendError` when it fails otherwise; a call that is aborted throws its signal's reason.
 */
export class RestControlPlane {
  readonly #http: HttpApi;
  readonly #workspaceSlug: string | undefined;

  /** Does not call anything yet. */
  constructor({ timeoutMs = 30_000, workspaceSlug, ...options }: RestOptions) {
    this.#http = new HttpApi({ ...options, timeoutMs });
    this.#workspaceSlug = workspaceSlug;
  }

  /** Makes sure that the backend accepts the token. */
  async checkToken(signal?: AbortSignal): Promise<void> {
    const answer = await this.#http.get(`/api/v1/cloud-node/instances${this.#query()}`, signal);
    answer.result();
  }

  /** Creates an instance. It still has to be registered. */
  async createInstance(request: InstanceRequest, signal?: AbortSignal): Promise<Instance> {
    const answer = await this.#http.post(`/api/v1/cloud-node${this.#query()}`, {
      profile_slug: request.profileSlug,
      slug: request.slug,
      workspace_uuid: request.workspaceUuid,
      provider: "self-hosted",
      visibility: "private",
    }, signal);
    return instanceIn(answer);
  }

  /** Says that the instance `uuid` runs here. `"gone"`: there is no such instance. */
  async register(
    uuid: string,
    request: { profileSlug: string },
    signal?: AbortSignal,
  ): Promise<Instance | "gone"> {
    const body = { profile_slug: request.profileSlug };
    const answer = await this.#http.post(pathOf(uuid, "register"), body, signal);
    return answer.status === 404 ? "gone" : instanceIn(answer);
  }

  /** Says that the instance is alive. `"gone"`: the backend knows no such living instance. */
  async heartbeat(instance: InstanceRef, signal?: AbortSignal): Promise<"alive" | "gone"> {
    const body = this.#identify(instance);
    const answer = await this.#http.post(pathOf(instance.uuid, "heartbeat"), body, signal);
    if (isGone(answer)) return "gone";
    answer.result();
    return "alive";
  }

  /** Says that the instance stopped because it was asked to. */
  async terminated(instance: InstanceRef, signal?: AbortSignal): Promise<void> {
    const body = this.#identify(instance);
    const answer = await this.#http.post(pathOf(instance.uuid, "terminated"), body, signal);
    answer.result();
  }

  /** Says that the instance cannot work, and why. */
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

  #query(): string {
    const slug = this.#workspaceSlug;
    return slug === undefined ? "" : `?workspace_slug=${encodeURIComponent(slug)}`;
  }

  #identify({ uuid, slug }: InstanceRef): Record<string, unknown> {
    return { instance_uuid: uuid, slug, workspace_slug: this.#workspaceSlug };
  }
}

function pathOf(uuid: string, action: string): string {
  return `/api/v1/cloud-node/${encodeURIComponent(uuid)}/${action}`;
}

function isGone({ status, message }: Answer): boolean {
  // The backend has no code of its own for an instance that it has terminated.
  return status === 404 || (status === 400 && /terminat/i.test(message));
}

/** The instance in an answer. Its names go into topics and URLs, so they are not taken on trust. */
function instanceIn(answer: Answer): Instance {
  const { uuid, slug } = answer.result();
  for (const [name, value] of Object.entries({ uuid, slug })) {
    const problem = identifierProblem(value);
    if (problem === undefined) continue;
    throw new BackendError(
      `${answer.call} answered with the ${name} ${quoted(value ?? null)}, which ${problem}`,
      { status: answer.status },
    );
  }
  return { uuid, slug } as Instance;
}
