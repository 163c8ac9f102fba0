/**
 * Logging in to the page: a link that works once gives the browser a cookie.
 *
 * @module
 */
import { isoTime } from "../time.ts";
import { answer, errorAnswer, jsonAnswer, textAnswer } from "./answers.ts";
import type { Route, RouteParts, RouteRequest } from "./route.ts";

/** These routes. */
export const LOGIN_ROUTES: readonly Route[] = [
  { path: "/login", method: "GET", hasEffect: true, isOpen: true, handle: logIn },
  { path: "/api/v1/links", method: "POST", handle: createLink },
];

/**
 * Sets the cookie, and redirects to a URL without the code, so that histories and bookmarks do not
 * contain it.
 */
function logIn({ sessions }: RouteParts, { query }: RouteRequest): Response {
  const session = sessions.redeem(query.get("code") ?? "");
  if (session !== undefined) {
    const { path, cookie } = session;
    return answer(null, "text/plain", 303, { location: path, "set-cookie": cookie });
  }
  const error =
    "This link was used already, or is too old. Get a new one: cyberwave-cloud-node page";
  return textAnswer(`${error}\n`, 401);
}

function createLink({ sessions, url }: RouteParts): Response {
  if (!url.startsWith("http:")) {
    return errorAnswer(409, "not_available", "A browser cannot open a unix socket");
  }
  const { code, expiresAt } = sessions.createLink();
  return jsonAnswer({ url: `${url}/login?code=${code}`, expires_at: isoTime(expiresAt) }, 201);
}
