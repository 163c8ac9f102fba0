/**
 * Who may use the HTTP server: whoever has the token, or a session that a login link began.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../time.ts";

/** How long a link can be used. */
const LINK_MS = 10 * 60 * 1000;
const SESSION_MS = 7 * 24 * 60 * 60 * 1000;
/** With more sessions than this, the oldest are forgotten. */
const MAX_SESSIONS = 100;
const MAX_LINKS = 100;

/** Each session has the page and its requests under a path of its own below this one. */
const SESSIONS = "/s/";

/** A path without that of a session. */
export function withoutSession(path: string): string {
  return path.replace(/^\/s\/[\w-]+(?=\/)/, "");
}

/** Tokens, links and cookies. */
export class Sessions {
  readonly #token: string;
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  /** The cookie that a link is exchanged for. */
  readonly #cookie: string;
  readonly #links = new Expiring(MAX_LINKS);
  readonly #sessions = new Expiring(MAX_SESSIONS);

  /** Authorizes who has `token`, for the server at this URL. */
  constructor(token: string, url: string, clock: Pick<Clock, "now" | "monotonic">) {
    this.#token = token;
    this.#clock = clock;
    // All ports of a computer share their cookies, and several nodes may run there.
    const [, port] = /:(\d+)$/.exec(url) ?? [];
    this.#cookie = ["cloud_node_session", port].filter((part) => part !== undefined).join("_");
  }

  /** Whether a request has the token or belongs to a session. */
  isAuthorized(headers: Headers): boolean {
    const [, bearer] = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "") ?? [];
    if (bearer !== undefined) return isSame(bearer, this.#token);
    const cookie = cookieIn(headers, this.#cookie);
    return cookie !== undefined && this.#sessions.has(digest(cookie), this.#clock.monotonic());
  }

  /** A code that can be exchanged for a cookie, once, and until when. */
  createLink(): { readonly code: string; readonly expiresAt: number } {
    const code = secret();
    this.#links.add(digest(code), this.#clock.monotonic() + LINK_MS);
    return { code, expiresAt: this.#clock.now() + LINK_MS };
  }

  /**
   * Exchanges a code for a Set-Cookie header, and the path below which the browser sends that
   * cookie; `undefined`: the code is wrong, used or too old. The path is a secret as well: browsers
   * send a cookie to every port of a computer, and other users may have a server on one.
   */
  redeem(code: string): { readonly cookie: string; readonly path: string } | undefined {
    const now = this.#clock.monotonic();
    if (!this.#links.take(digest(code), now)) return undefined;
    const session = secret();
    this.#sessions.add(digest(session), now + SESSION_MS);
    const path = `${SESSIONS}${secret()}/`;
    const age = SESSION_MS / 1000;
    const cookie =
      `${this.#cookie}=${session}; Path=${path}; Max-Age=${age}; HttpOnly; SameSite=Strict`;
    return { cookie, path };
  }
}

/** Secrets that expire, stored as digests. */
class Expiring {
  readonly #until = new Map<string, number>();

  constructor(readonly limit: number) {}

  add(key: string, until: number): void {
    this.#until.set(key, until);
    if (this.#until.size > this.limit) this.#until.delete(this.#until.keys().next().value!);
  }

  has(key: string, now: number): boolean {
    return (this.#until.get(key) ?? -Infinity) > now;
  }

  take(key: string, now: number): boolean {
    const is = this.has(key, now);
    this.#until.delete(key);
    return is;
  }
}

/** 256 bits that nobody can guess. */
export function secret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Compares two secrets in constant time. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(
    createHash("sha256").update(one).digest(),
    createHash("sha256").update(other).digest(),
  );
}

function cookieIn(headers: Headers, name: string): string | undefined {
  for (const pair of (headers.get("cookie") ?? "").split(";")) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name) return value;
  }
  return undefined;
}
