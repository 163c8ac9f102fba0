/**
 * What there is on the HTTP server.
 *
 * @module
 */
import type { NodeSnapshot } from "../node/snapshot.ts";
import { answer, jsonAnswer, textAnswer } from "./answers.ts";
import type { Access } from "./guard.ts";
import type { Metrics } from "./metrics.ts";
import { unreadyReasons } from "./readiness.ts";

/** What routes show. */
export interface RouteParts {
  readonly metrics: Metrics;
  snapshot(): NodeSnapshot;
  /** Since when the node is as ready as it is, in milliseconds since the epoch. */
  readySince(): number;
}

/** One route. */
interface Route extends Access {
  readonly path: string;
  handle(parts: RouteParts): Response | Promise<Response>;
}

const ROUTES: readonly Route[] = [
  {
    path: "/healthz",
    method: "GET",
    isOpen: true,
    // That this is answered is what it says: the event loop turns.
    handle: () => textAnswer("ok\n"),
  },
  { path: "/readyz", method: "GET", isOpen: true, handle: readyz },
  { path: "/metrics", method: "GET", isOpen: true, handle: metrics },
];

/** The route of a path; `undefined`: there is none. */
export function routeOf(path: string): Route | undefined {
  return ROUTES.find((route) => route.path === path);
}

function readyz({ snapshot, readySince }: RouteParts): Response {
  const reasons = unreadyReasons(snapshot());
  const since = new Date(readySince()).toISOString();
  if (reasons.length === 0) return jsonAnswer({ ready: true, since });
  return jsonAnswer({ ready: false, reasons, since }, 503);
}

async function metrics({ metrics }: RouteParts): Promise<Response> {
  return answer(await metrics.text(), metrics.contentType);
}
