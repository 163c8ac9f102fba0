/**
 * A route of the HTTP server, and what it has to answer with.
 *
 * @module
 */
import type { NodeSnapshot } from "../node/snapshot.ts";
import type { StopSignal } from "../os/process_identity.ts";
import type { Access } from "./guard.ts";
import type { EventFeed } from "./event_feed.ts";
import type { Metrics } from "./metrics.ts";
import type { NodeHistory } from "./node_history.ts";
import type { Sessions } from "./sessions.ts";

/** What routes show and do. */
export interface RouteParts {
  readonly metrics: Metrics;
  readonly feed: Pick<EventFeed, "open">;
  readonly sessions: Pick<Sessions, "createLink" | "redeem">;
  /** Where the server is found: a URL, or `unix:` and a path. */
  readonly url: string;
  readonly history: Pick<NodeHistory, "resources" | "connections">;
  readonly stateFolder: string;
  snapshot(): NodeSnapshot;
  /** Since when the node is as ready as it is, in milliseconds since the epoch. */
  readySince(): number;
  /** Stops a command; resolves once that is on disk, with whether there was one to stop. */
  cancel(id: string, signal: StopSignal): Promise<boolean>;
  /** Takes no new commands, and stops when all is done. */
  drain(): void;
}

/** What is asked of a route. */
export interface RouteRequest {
  /** What stands for `{id}` in the path; `""` where there is none. */
  readonly id: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** The body as JSON; `undefined` when there is none. */
  body(): Promise<unknown>;
}

/** One route. */
export interface Route extends Access {
  /** Its path, in which `{id}` stands for the id of a workload. */
  readonly path: string;
  handle(parts: RouteParts, request: RouteRequest): Response | Promise<Response>;
}
