/**
 * All routes of the HTTP server; `openapi.json` describes them.
 *
 * @module
 */
import { answer, jsonAnswer, textAnswer } from "./answers.ts";
import { ABOUT_ROUTES } from "./about_routes.ts";
import { API_ROUTES } from "./api_routes.ts";
import { COMMAND_ROUTES } from "./command_routes.ts";
import { LOGIN_ROUTES } from "./login_routes.ts";
import { PAGE_ROUTES } from "./page_routes.ts";
import { unreadyReasons } from "./readiness.ts";
import type { Route, RouteParts } from "./route.ts";
import { WORKLOAD_FILE_ROUTES } from "./workload_file_routes.ts";

/** All routes. */
export const ROUTES: readonly Route[] = [
  {
    path: "/healthz",
    method: "GET",
    isOpen: true,
    // The answer itself shows that the event loop turns.
    handle: () => textAnswer("ok\n"),
  },
  { path: "/readyz", method: "GET", isOpen: true, handle: readyz },
  { path: "/metrics", method: "GET", isOpen: true, handle: metrics },
  ...LOGIN_ROUTES,
  ...API_ROUTES,
  ...PAGE_ROUTES,
  ...COMMAND_ROUTES,
  ...WORKLOAD_FILE_ROUTES,
  ...ABOUT_ROUTES,
];

const PATTERNS = ROUTES.map((route) => ({
  route,
  pattern: new RegExp(
    `^${route.path.replaceAll(".", "\\.").replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`,
  ),
}));

/** A route, and what stands in the path for its `{id}` and `{name}`. */
interface FoundRoute {
  readonly route: Route;
  readonly id: string;
  readonly name: string;
}

/** The route of a path; `undefined`: there is none. */
export function routeOf(path: string): FoundRoute | undefined {
  for (const { route, pattern } of PATTERNS) {
    const found = pattern.exec(path);
    if (found !== null) return { route, id: "", name: "", ...found.groups };
  }
  return undefined;
}

function readyz({ node, readySince }: RouteParts): Response {
  const reasons = unreadyReasons(node.snapshot());
  const since = new Date(readySince()).toISOString();
  if (reasons.length === 0) return jsonAnswer({ ready: true, since });
  return jsonAnswer({ ready: false, reasons, since }, 503);
}

async function metrics({ metrics }: RouteParts): Promise<Response> {
  return answer(await metrics.text(), metrics.contentType);
}
