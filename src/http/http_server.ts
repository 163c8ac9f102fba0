/**
 * The HTTP server of a node.
 *
 * @module
 */
import type { HttpAddress } from "../config/values/http_address.ts";
import { messageOf } from "../errors.ts";
import type { ServedNode } from "../node/served_node.ts";
import type { HttpServerRequest } from "./exchange_over_http.ts";
import { errorAnswer, textAnswer } from "./answers.ts";
import { EventFeed } from "./event_feed.ts";
import { type Listening, type Refusal, refuseAccess, refuseOrigin } from "./guard.ts";
import { listen, type Listener } from "./listen.ts";
import { Metrics, type MetricsSource } from "./metrics.ts";
import { LoadMeter } from "../os/machine_load.ts";
import { NodeHistory } from "./node_history.ts";
import { routeOf } from "./routes.ts";
import type { NodeAbout, RouteParts } from "./route.ts";
import { BodyError, readBody, readJsonBody } from "./request_body.ts";
import { ReadinessTimer } from "./readiness.ts";
import { Sessions, withoutSession } from "./sessions.ts";

/** What a server is made from. */
export interface HttpServerOptions extends Pick<MetricsSource, "journalBytes"> {
  readonly node: ServedNode;
  readonly about: NodeAbout;
  /** Makes what `doctor --json` prints; `undefined`: it cannot be made. */
  readonly examine: (() => Promise<Record<string, unknown>>) | undefined;
  readonly address: HttpAddress;
  /** The token that gives access to everything. */
  readonly token: string;
}

/** What a browser without a session shows. */
const CLOSED = `This is the page of a Cyberwave Cloud Node. On its computer, this opens it:

  cyberwave-cloud-node page
`;

/** A server that answers until it is disposed. */
export class HttpServer implements AsyncDisposable {
  readonly #options: HttpServerOptions;
  readonly #metrics: Metrics;
  readonly #feed: EventFeed;
  readonly #history: NodeHistory;
  readonly #sessions: Sessions;
  readonly #readiness: ReadinessTimer;
  readonly #listener: Listener;
  #examination: Promise<Record<string, unknown>> | undefined;
  readonly #closing = new AbortController();

  private constructor(options: HttpServerOptions, listener: Listener) {
    const { token, node, journalBytes } = options;
    this.#options = options;
    this.#listener = listener;
    using resources = new DisposableStack();
    this.#metrics = resources.use(new Metrics({ ...node, journalBytes }));
    this.#feed = resources.use(new EventFeed(node));
    const meter = new LoadMeter();
    const { events, clock, snapshot } = node;
    this.#history = resources.use(
      new NodeHistory({ events, clock, snapshot, load: () => meter.read() }),
    );
    this.#readiness = resources.use(new ReadinessTimer(node, node.clock));
    this.#sessions = new Sessions(token, this.url, node.clock);
    resources.move();
  }

  /**
   * Starts the server.
   *
   * @throws {ConfigError} if the address cannot be listened on
   */
  static async start(options: HttpServerOptions): Promise<HttpServer> {
    const started = Promise.withResolvers<HttpServer>();
    const listener = await listen(
      options.address,
      async (request, listening) => await (await started.promise).#answer(request, listening),
    );
    const server = new HttpServer(options, listener);
    started.resolve(server);
    return server;
  }

  /** Where it is found: a URL, or `unix:` and a path. */
  get url(): string {
    return this.#listener.url;
  }

  /** Stops the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#metrics[Symbol.dispose]();
    this.#history[Symbol.dispose]();
    this.#readiness[Symbol.dispose]();
    this.#feed[Symbol.dispose]();
    this.#closing.abort();
    await this.#listener.close();
  }

  async #answer(request: HttpServerRequest, listening: Listening): Promise<Response> {
    const { method, headers } = request;
    const path = withoutSession(pathOf(request.url));
    const found = routeOf(path);
    const isAuthorized = this.#sessions.isAuthorized(headers);
    const refusal = refuseOrigin({ headers }, listening) ??
      refuseAccess({ method, path, headers }, found?.route, listening, isAuthorized);
    if (refusal?.status === 401 && path === "/") return textAnswer(CLOSED, 401);
    if (refusal !== undefined) return refused(refusal);
    try {
      return await found!.route.handle(this.#parts, {
        id: decoded(found!.id),
        name: decoded(found!.name),
        query: new URLSearchParams(/\?([^#]*)/.exec(request.url)?.[1]),
        headers,
        signal: AbortSignal.any([request.signal, this.#closing.signal]),
        body: () => readJsonBody(request),
        bytes: (max) => readBody(request, max),
      });
    } catch (error) {
      if (error instanceof BodyError) return errorAnswer(error.status, error.code, error.message);
      this.#options.node.logger.error(`Cannot answer ${method} ${path}: ${messageOf(error)}`);
      return errorAnswer(500, "internal", "The node cannot answer this: see its log");
    }
  }

  /**
   * Requests that come meanwhile get the same result: it takes some seconds, and calls other
   * servers.
   */
  #examine(examine: () => Promise<Record<string, unknown>>): Promise<Record<string, unknown>> {
    return this.#examination ??= examine().finally(() => this.#examination = undefined);
  }

  get #parts(): RouteParts {
    const { node, about, examine } = this.#options;
    return {
      ...{ node, about },
      stateFolder: about.settings.stateFolder,
      examine: examine && (() => this.#examine(examine)),
      metrics: this.#metrics,
      feed: this.#feed,
      sessions: this.#sessions,
      url: this.url,
      history: this.#history,
      readySince: () => this.#readiness.since,
    };
  }
}

function refused({ status, code, error, headers }: Refusal): Response {
  return errorAnswer(status, code, error, headers);
}

/** The path of a target, which may be a whole URL. */
function pathOf(url: string): string {
  return /^(?:[a-z+]+:\/\/[^/?#]*)?(\/[^?#]*)/i.exec(url)?.[1] ?? "/";
}

/** A path without percent-encoding; as it is if that is invalid. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
