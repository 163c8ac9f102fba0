/**
 * The node over HTTP, for the people and programs that watch it.
 *
 * @module
 */
import type { HttpAddress } from "../config/http_address.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { jsonAnswer } from "./answers.ts";
import { type Listening, type Refusal, refuseAccess, refuseOrigin } from "./guard.ts";
import { listen, type Listener } from "./listen.ts";
import { Metrics, type MetricsSource } from "./metrics.ts";
import { routeOf, type RouteParts } from "./routes.ts";
import { ReadinessTimer } from "./readiness.ts";
import { Sessions } from "./sessions.ts";

/** What a server is made from. */
export interface HttpServerOptions {
  readonly address: HttpAddress;
  /** What may be shown to those who have this token. */
  readonly token: string;
  readonly source: MetricsSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A server that answers until it is disposed. */
export class HttpServer implements AsyncDisposable {
  readonly #options: HttpServerOptions;
  readonly #metrics: Metrics;
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
    this.#sessions = new Sessions(token, clock);
    using resources = new DisposableStack();
    this.#metrics = resources.use(new Metrics(source));
    this.#readiness = resources.use(new ReadinessTimer(source, clock));
    this.#listener = listen(address, (request, listening) => this.#answer(request, listening));
    resources.move();
  }

  /** Where it is found: a URL, or `unix:` and a path. */
  get url(): string {
    return this.#listener.url;
  }

  /** Answers what was asked, and nothing more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#metrics[Symbol.dispose]();
    this.#readiness[Symbol.dispose]();
    await this.#listener.close();
  }

  async #answer(request: Request, listening: Listening): Promise<Response> {
    const { method, headers } = request;
    const path = pathOf(request.url);
    const route = routeOf(path);
    const isAuthorized = this.#sessions.isAuthorized(headers);
    const refusal = refuseOrigin({ headers }, listening) ??
      refuseAccess({ method, path, headers }, route, listening, isAuthorized);
    if (refusal !== undefined) return refused(refusal);
    try {
      return await route!.handle(this.#parts);
    } catch (error) {
      this.#options.logger.error(`Cannot answer ${method} ${path}: ${messageOf(error)}`);
      return jsonAnswer({ error: "The node cannot answer this: see its log" }, 500);
    }
  }

  get #parts(): RouteParts {
    const { source } = this.#options;
    return {
      metrics: this.#metrics,
      snapshot: () => source.snapshot(),
      readySince: () => this.#readiness.since,
    };
  }
}

function refused({ status, error, headers }: Refusal): Response {
  return jsonAnswer({ error }, status, headers);
}

/** The path of a URL, of which on a unix socket the rest means nothing. */
function pathOf(url: string): string {
  return /^[a-z+]+:\/\/[^/]*(\/[^?#]*)/i.exec(url)?.[1] ?? "/";
}
