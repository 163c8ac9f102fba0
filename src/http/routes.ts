/**
 * What there is on the HTTP server.
 *
 * @module
 */
import { answer, jsonAnswer, textAnswer } from "./answers.ts";
import { API_ROUTES } from "./api_routes.ts";
import { COMMAND_ROUTES } from "./command_routes.ts";
import { LOGIN_ROUTES } from "./login_routes.ts";
import { PAGE_ROUTES } from "./page_routes.ts";
import { unreadyReasons } from "./readiness.ts";
import type { Route, RouteParts } from "./route.ts";

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
  ...LOGIN_ROUTES,
  ...API_ROUTES,
  ...PAGE_ROUTES,
  ...COMMAND_ROUTES,
];

const PATTERNS = ROUTES.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replaceAll(".", "\\.").replace("{id}", "([^/]+)")}$`),
}));

/** The route of a path and the id in it; `undefined`: there is none. */
export function routeOf(path: string): { readonly route: Route; readonly id: string } | undefined {
  for (const { route, pattern } of PATTERNS) {
    const [whole, id = ""] = pattern.exec(path) ?? [];
    if (whole !== undefined) return { route, id };
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
