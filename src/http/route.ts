/**
 * A route of the HTTP server, and the parts that it works with.
 *
 * @module
 */
import type { Resolved } from "../config/resolve.ts";
import type { ServedNode } from "../node/served_node.ts";
import type { EventFeed } from "./event_feed.ts";
import type { Access } from "./guard.ts";
import type { Metrics } from "./metrics.ts";
import type { NodeHistory } from "./node_history.ts";
import type { Sessions } from "./sessions.ts";

/** What a node is run with. */
export interface NodeAbout extends Pick<Resolved, "settings" | "sources"> {
  /** The config file that was read. */
  readonly configFile: string | undefined;
}

/** What routes show and do. */
export interface RouteParts {
  readonly about: NodeAbout;
  /** Makes what `doctor --json` prints; `undefined`: it cannot be made. */
  readonly examine: (() => Promise<Record<string, unknown>>) | undefined;
  readonly node: ServedNode;
  readonly stateFolder: string;
  readonly metrics: Metrics;
  readonly feed: Pick<EventFeed, "open">;
  readonly sessions: Pick<Sessions, "createLink" | "redeem">;
  /** Where the server is found: a URL, or `unix:` and a path. */
  readonly url: string;
  readonly history: Pick<NodeHistory, "resources" | "connections">;
  /** When the readiness of the node last changed, in milliseconds since the epoch. */
  readySince(): number;
}

/** A request to a route. */
export interface RouteRequest {
  /** What stands for `{id}` in the path; `""` where there is none. */
  readonly id: string;
  /** What stands for `{name}` in it. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** Aborts when the client leaves, or the server closes. */
  readonly signal: AbortSignal;
  /** The body as JSON; `undefined` when there is none. */
  body(): Promise<unknown>;
  /** The body as it is, of at most so many bytes. */
  bytes(max: number): Promise<Uint8Array>;
}

/** One route. */
export interface Route extends Access {
  /** Its path, in which `{id}` stands for the id of a workload, and `{name}` for a name. */
  readonly path: string;
  handle(parts: RouteParts, request: RouteRequest): Response | Promise<Response>;
}
