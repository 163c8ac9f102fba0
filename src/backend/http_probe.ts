/**
 * One question to an HTTP server, to learn whether and when it answers.
 *
 * @module
 */
import { BackendError } from "../errors.ts";
import { untracedFetch } from "../os/untraced_fetch.ts";
import type { Clock } from "../time.ts";
import { reasonOf } from "./rest_http.ts";

/** How a server answered. */
export interface ProbeAnswer {
  /** The HTTP status. */
  readonly status: number;
  /** How many milliseconds it took. */
  readonly ms: number;
  /** Where it redirects to, if it does. */
  readonly location: string | undefined;
  /** By how many milliseconds its clock is ahead of `clock`; `undefined` when it sends no time. */
  readonly ahead: number | undefined;
}

/**
 * Asks for `url`, without a token.
 *
 * @throws {BackendError} when there is no answer; the reason of `signal` when that aborts
 */
export async function probe(url: string, clock: Clock, signal: AbortSignal): Promise<ProbeAnswer> {
  const before = clock.now();
  const start = clock.monotonic();
  let response: Response;
  try {
    response = await untracedFetch(url, { redirect: "manual", signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new BackendError(reasonOf(error), { cause: error });
  }
  const ms = clock.monotonic() - start;
  await response.body?.cancel();
  const { status, headers } = response;
  return {
    status,
    ms,
    location: headers.get("Location") ?? undefined,
    ahead: ahead(headers.get("Date"), before, ms),
  };
}

/** A Date header counts whole seconds, so it was written half a second later on average. */
function ahead(date: string | null, before: number, ms: number): number | undefined {
  const theirs = Date.parse(date ?? "") + 500;
  return Number.isNaN(theirs) ? undefined : theirs - (before + ms / 2);
}
