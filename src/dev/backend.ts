/**
 * The Cyberwave backend's REST calls on loopback and in memory: the other side of a node, for
 * development without an account and for tests.
 *
 * @module
 */
import { type Call, CallLog, type CallMatcher } from "./backend_calls.ts";

/** An instance, as the emulated backend knows it. */
export interface EmulatedInstance {
  /** What identifies it. */
  uuid: string;
  /** Its name for people: the node's hint, made unique. */
  slug: string;
  /** The hardware and capability profile. */
  profileSlug: string;
  /** The workspace given in the query, if any. */
  workspaceSlug: string | null;
  /** Where it stands. */
  status: "created" | "registered" | "terminated" | "failed";
  /** Why it failed, in the node's words. */
  error?: string;
}

/** How to start an emulated backend. */
export interface EmulatedBackendOptions {
  /** Where to listen on 127.0.0.1. Default 0: any free port. */
  port?: number;
  /** The one token that is accepted. Default: a random one. */
  token?: string;
}

/** A running emulation of the backend. Disposing of it stops it, and breaks off calls under way. */
export class EmulatedBackend implements AsyncDisposable {
  /** Where its API is: the value of `CYBERWAVE_API_URL`. */
  readonly url: string;
  /** The one token that is accepted. */
  readonly token: string;
  /** Every instance ever created here, by UUID. */
  readonly instances: Map<string, EmulatedInstance> = new Map();
  readonly #log = new CallLog();
  readonly #staged: { matches: CallMatcher; answer: Answerer; times: number }[] = [];
  readonly #stop = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor({ port = 0, token = crypto.randomUUID() }: EmulatedBackendOptions) {
    this.token = token;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port, signal: this.#stop.signal, onListen() {} },
      (request) => this.#handle(request),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Starts one. Throws when the port is taken. */
  static start(options: EmulatedBackendOptions = {}): EmulatedBackend {
    return new EmulatedBackend(options);
  }

  /** The latest calls, oldest first. */
  get calls(): readonly Call[] {
    return this.#log.calls;
  }

  /** The first call that matches and was not returned here before, be it past or to come. */
  nextCall(matches: CallMatcher = () => true): Promise<Call> {
    return this.#log.next(matches);
  }

  /** Has `answer` answer the next `times` calls that match, in place of the emulation. */
  answerNext(matches: CallMatcher, answer: Answerer, times = 1): void {
    this.#staged.push({ matches, answer, times });
  }

  /** Stops listening, breaks off calls under way, and waits until all is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#server.finished;
  }

  async #handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const call: Call = {
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      authorization: request.headers.get("Authorization"),
      body: await request.json().catch(() => undefined),
    };
    this.#log.add(call);
    const staged = this.#staged.find(({ matches, times }) => times > 0 && matches(call));
    if (staged === undefined) return this.#answer(call);
    staged.times--;
    return await staged.answer(call);
  }

  #answer(call: Call): Response {
    if (call.authorization !== `Token ${this.token}`) return refusal(401, "Invalid token");
    const { method, path } = call;
    if (method === "GET" && path === `${ROOT}/instances`) return this.#list(call);
    if (method === "POST" && path === ROOT) return this.#create(call);
    const [, uuid, action] = path.match(INSTANCE_CALL) ?? [];
    if (method !== "POST" || uuid === undefined) return refusal(404, "Not found");
    const instance = this.instances.get(uuid);
    if (instance === undefined) return refusal(404, "Instance not found");
    return report(instance, action, bodyOf(call));
  }

  #list({ query }: Call): Response {
    const workspace = query.get("workspace_slug");
    const listed = [...this.instances.values()]
      .filter(({ workspaceSlug }) => workspace === null || workspaceSlug === workspace);
    return Response.json(listed.map(described));
  }

  #create(call: Call): Response {
    const { profile_slug, slug } = bodyOf(call);
    if (typeof profile_slug !== "string") return refusal(422, "profile_slug is required");
    const uuid = crypto.randomUUID();
    const instance: EmulatedInstance = {
      uuid,
      slug: this.#uniqueSlug(typeof slug === "string" ? slug : `cloud-node-${uuid.slice(0, 8)}`),
      profileSlug: profile_slug,
      workspaceSlug: call.query.get("workspace_slug"),
      status: "created",
    };
    this.instances.set(uuid, instance);
    return Response.json(described(instance), { status: 201 });
  }

  #uniqueSlug(hint: string): string {
    const taken = new Set([...this.instances.values()].map(({ slug }) => slug));
    let slug = hint;
    for (let number = 2; taken.has(slug); number++) slug = `${hint}-${number}`;
    return slug;
  }
}

/** Answers a call in place of the emulation. */
export type Answerer = (call: Call) => Response | Promise<Response>;

const ROOT = "/api/v1/cloud-node";
const INSTANCE_CALL = /^\/api\/v1\/cloud-node\/([^/]+)\/([^/]+)$/;

/** Takes in what a node reports about its instance. */
function report(
  instance: EmulatedInstance,
  action: string,
  body: Record<string, unknown>,
): Response {
  switch (action) {
    case "register":
      instance.status = "registered";
      instance.error = undefined;
      return accepted({ uuid: instance.uuid, slug: instance.slug });
    case "heartbeat":
      return instance.status === "terminated"
        ? refusal(400, "Instance has been terminated")
        : accepted();
    case "terminated":
      instance.status = "terminated";
      return accepted();
    case "failed":
      instance.status = "failed";
      instance.error = String(body.error ?? "");
      return accepted();
    case "log":
      return LOG_TYPES.includes(String(body.log_type))
        ? accepted()
        : refusal(422, `log_type must be one of ${LOG_TYPES.join(", ")}`);
    default:
      return refusal(404, "Not found");
  }
}

const LOG_TYPES = ["stdout", "stderr", "system", "app"];

function described({ uuid, slug, status, profileSlug }: EmulatedInstance): Record<string, string> {
  return { uuid, slug, status, profile_slug: profileSlug, provider: "self-hosted" };
}

function bodyOf({ body }: Call): Record<string, unknown> {
  return typeof body === "object" && body !== null ? body as Record<string, unknown> : {};
}

function accepted(fields: Record<string, string> = {}): Response {
  return Response.json({ success: true, message: "OK", ...fields });
}

function refusal(status: number, message: string): Response {
  return Response.json({ success: false, message }, { status });
}
