/**
 * The node over HTTP, for the people and programs that watch it.
 *
 * @module
 */
import type { HttpAddress } from "../config/http_address.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { errorAnswer, textAnswer } from "./answers.ts";
import { EventFeed } from "./event_feed.ts";
import { type Listening, type Refusal, refuseAccess, refuseOrigin } from "./guard.ts";
import { listen, type Listener } from "./listen.ts";
import { Metrics, type MetricsSource } from "./metrics.ts";
import { LoadMeter } from "../os/machine_load.ts";
import { NodeHistory } from "./node_history.ts";
import { routeOf } from "./routes.ts";
import type { RouteParts } from "./route.ts";
import { BodyError, readJsonBody } from "./request_body.ts";
import { ReadinessTimer } from "./readiness.ts";
import { Sessions } from "./sessions.ts";

/** What a server is made from. */
export interface HttpServerOptions extends Pick<RouteParts, "stateFolder" | "cancel" | "drain"> {
  readonly address: HttpAddress;
  /** What may be shown to those who have this token. */
  readonly token: string;
  readonly source: MetricsSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What people read whom no link has let in. */
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

  /**
   * Starts to answer.
   *
   * @throws {ConfigError} if the address cannot be listened on
   */
  constructor(options: HttpServerOptions) {
    const { address, token, source, clock } = options;
    this.#options = options;
    using resources = new DisposableStack();
    this.#metrics = resources.use(new Metrics(source));
    this.#feed = resources.use(new EventFeed({ events: source.events, clock }));
    const meter = new LoadMeter();
    this.#history = resources.use(
      new NodeHistory({
        events: source.events,
        clock,
        snapshot: () => source.snapshot(),
        load: () => meter.read(),
      }),
    );
    this.#readiness = resources.use(new ReadinessTimer(source, clock));
    this.#listener = listen(address, (request, listening) => this.#answer(request, listening));
    this.#sessions = new Sessions(token, this.url, clock);
    resources.move();
  }

  /** Where it is found: a URL, or `unix:` and a path. */
  get url(): string {
    return this.#listener.url;
  }

  /** Answers nothing more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#metrics[Symbol.dispose]();
    this.#history[Symbol.dispose]();
    this.#readiness[Symbol.dispose]();
    this.#feed[Symbol.dispose]();
    await this.#listener.close();
  }

  async #answer(request: Request, listening: Listening): Promise<Response> {
    const { method, headers } = request;
    const path = pathOf(request.url);
    const found = routeOf(path);
    const isAuthorized = this.#sessions.isAuthorized(headers);
    const refusal = refuseOrigin({ headers }, listening) ??
      refuseAccess({ method, path, headers }, found?.route, listening, isAuthorized);
    if (refusal?.status === 401 && path === "/") return textAnswer(CLOSED, 401);
    if (refusal !== undefined) return refused(refusal);
    try {
      return await found!.route.handle(this.#parts, {
        id: decoded(found!.id),
        query: new URLSearchParams(/\?([^#]*)/.exec(request.url)?.[1]),
        headers,
        body: () => readJsonBody(request),
      });
    } catch (error) {
      if (error instanceof BodyError) return errorAnswer(error.status, error.code, error.message);
      this.#options.logger.error(`Cannot answer ${method} ${path}: ${messageOf(error)}`);
      return errorAnswer(500, "internal", "The node cannot answer this: see its log");
    }
  }

  get #parts(): RouteParts {
    const { source, stateFolder, cancel, drain } = this.#options;
    return {
      stateFolder,
      cancel,
      drain,
      metrics: this.#metrics,
      feed: this.#feed,
      sessions: this.#sessions,
      url: this.url,
      history: this.#history,
      snapshot: () => source.snapshot(),
      readySince: () => this.#readiness.since,
    };
  }
}

function refused({ status, code, error, headers }: Refusal): Response {
  return errorAnswer(status, code, error, headers);
}

/** The path of a URL, of which on a unix socket the rest means nothing. */
function pathOf(url: string): string {
  return /^[a-z+]+:\/\/[^/]*(\/[^?#]*)/i.exec(url)?.[1] ?? "/";
}

/** What percent signs in a path stand for; as it is where they stand for nothing. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
