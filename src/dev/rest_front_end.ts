/**
 * The Cyberwave backend on loopback and in memory: the other side of a node, for development
 * without an account and for tests. This is its REST front end, which also takes result files.
 *
 * @module
 */
import { fieldsOf, refusal } from "./json_answers.ts";
import { ATTACHMENTS } from "./attachments.ts";
import type { Call } from "./rest_calls.ts";
import { EmulatedPlatform, type WorkloadCall } from "./emulated_platform.ts";
import type { InstanceReport } from "./instances.ts";

export type { Answerer } from "./emulated_platform.ts";
export type { EmulatedInstance, EmulatedLog } from "./instances.ts";
export type { EmulatedResult, EmulatedWorkload } from "./workloads.ts";

/** How to start an emulated backend. */
interface EmulatedBackendOptions {
  /** Where to listen on 127.0.0.1. Default 0: any free port. */
  port?: number;
  /** The one token that is accepted. Default: a random one. */
  token?: string;
}

/** A running emulation of the backend. Disposing of it stops it, and breaks off calls under way. */
export class EmulatedBackend extends EmulatedPlatform implements AsyncDisposable {
  /** Where its API is: the value of `CYBERWAVE_API_URL`. */
  readonly url: string;
  readonly #stop = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor({ port = 0, token = crypto.randomUUID() }: EmulatedBackendOptions) {
    super(token);
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

  /** Stops listening, breaks off calls under way, and waits until all is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#server.finished;
  }

  async #handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const isFile = url.pathname.startsWith(ATTACHMENTS);
    const call: Call = {
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      authorization: request.headers.get("Authorization"),
      body: isFile ? undefined : await request.json().catch(() => undefined),
    };
    return await this.answer(call, () => isFile ? this.store(request) : this.#emulate(call));
  }

  #emulate(call: Call): Response {
    if (call.authorization !== `Token ${this.token}`) return refusal(401, "Invalid token");
    const { method, path, query } = call;
    const workspace = query.get("workspace_slug");
    const fields = fieldsOf(call.body);
    if (method === "GET" && path === `${NODES}/instances`) return this.listInstances(workspace);
    if (method === "POST" && path === NODES) return this.createInstance(fields, workspace);
    const [, root, uuid, action] = path.match(CALL_ABOUT) ?? [];
    const wanted = `${method} ${action ?? ""}`.trimEnd();
    const report = root === NODES ? REPORTS[wanted] : undefined;
    if (report !== undefined) return this.report(uuid, report, fields);
    const workloadCall = root === WORKLOADS ? WORKLOAD_CALLS[wanted] : undefined;
    if (workloadCall !== undefined) return this.onWorkload(uuid, workloadCall, fields);
    return refusal(404, "Not found");
  }
}

const NODES = "/api/v1/cloud-node";
const WORKLOADS = "/api/v1/cloud-node-workloads";
const CALL_ABOUT = /^(\/api\/v1\/cloud-node(?:-workloads)?)\/([^/]+)(?:\/([^/]+))?$/;

const REPORTS: Readonly<Record<string, InstanceReport | undefined>> = {
  "POST register": "register",
  "POST heartbeat": "heartbeat",
  "POST terminated": "terminated",
  "POST failed": "failed",
  "POST log": "log",
};

const WORKLOAD_CALLS: Readonly<Record<string, WorkloadCall | undefined>> = {
  "GET": "describe",
  "POST attachments": "sign",
  "POST upload-results": "report",
  "POST complete": "complete",
  "POST fail": "fail",
  "POST cancel": "cancel",
};
