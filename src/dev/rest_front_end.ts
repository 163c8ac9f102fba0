/**
 * The Cyberwave backend on loopback and in memory: the other side of a node, for development
 * without an account and for tests. This is its REST front end, which also takes result files.
 *
 * @module
 */
import { type Fields, fieldsOf, refusal } from "./json_answers.ts";
import { ATTACHMENTS } from "./attachments.ts";
import type { Call } from "./rest_calls.ts";
import { EmulatedPlatform, type WorkloadCall } from "./emulated_platform.ts";
import type { InstanceQuestion, InstanceReport } from "./instances.ts";

export type { Answerer } from "./emulated_platform.ts";
export type { EmulatedInstance, EmulatedLog } from "./instances.ts";
export type { EmulatedResult, EmulatedWorkload } from "./emulated_workload.ts";

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
    const { method, path, query, authorization } = call;
    const token = /^(?:Token|Bearer) (.*)$/.exec(authorization ?? "")?.[1];
    if (token !== this.token) return refusal(401, "Invalid token");
    const fields = fieldsOf(call.body);
    switch (`${method} ${path}`) {
      case `GET ${NODES}/instances`:
        return this.listInstances(query.get("workspace_slug"));
      case `POST ${NODES}`:
        return this.createInstance(fields, query.get("workspace_slug"));
      case `GET ${WORKLOADS}`:
        return this.listWorkloads(query);
      case `GET ${WORKLOADS}/pending`:
        return this.listWorkloads(new URLSearchParams({ status: "pending" }));
      case `POST ${WORKLOADS}`:
        return this.requestWorkload(fields);
      // Clients ask for these to see whether a token is good.
      case "GET /api/v1/environments":
        return Response.json([]);
    }
    const [, instance, question] = path.match(QUESTION_ABOUT) ?? [];
    if (method === "GET" && instance !== undefined) {
      return this.describeInstance(instance, question as InstanceQuestion, query);
    }
    const [, root, uuid, action] = path.match(CALL_ABOUT) ?? [];
    const wanted = `${method} ${action ?? ""}`.trimEnd();
    if (root === WORKLOADS) return this.#onWorkload(uuid, wanted, fields);
    const report = root === NODES ? REPORTS[wanted] : undefined;
    return report === undefined ? refusal(404, "Not found") : this.report(uuid, report, fields);
  }

  #onWorkload(uuid: string, wanted: string, fields: Fields): Response {
    switch (wanted) {
      case "GET":
        return this.describeWorkload(uuid);
      case "PUT":
      case "POST assign":
        return this.changeWorkload(uuid, fields);
      case "DELETE":
        return this.deleteWorkload(uuid);
      case "POST attachments":
        return this.onWorkload(uuid, "sign", fields);
      case "POST upload-results":
        return this.onWorkload(uuid, "report", fields);
      case "POST complete":
        return this.#ended(uuid, "complete", fields);
      case "POST fail":
        return this.#ended(uuid, "fail", fields);
      case "POST cancel":
        return this.#ended(uuid, "cancel", fields);
      default:
        return refusal(404, "Not found");
    }
  }

  #ended(uuid: string, call: WorkloadCall, fields: Fields): Response {
    const response = this.onWorkload(uuid, call, fields);
    return response.ok ? this.describeWorkload(uuid) : response;
  }
}

const NODES = "/api/v1/cloud-node";
const WORKLOADS = "/api/v1/cloud-node-workloads";
const CALL_ABOUT = /^(\/api\/v1\/cloud-node(?:-workloads)?)\/([^/]+)(?:\/([^/]+))?$/;
const QUESTION_ABOUT = /^\/api\/v1\/cloud-node\/instances\/([^/]+)\/(status|logs|metadata)$/;

const REPORTS: Readonly<Record<string, InstanceReport | undefined>> = {
  "POST register": "register",
  "POST heartbeat": "heartbeat",
  "POST terminated": "terminated",
  "POST terminate": "terminated",
  "POST failed": "failed",
  "POST log": "log",
};
