/**
 * How long a server asks its clients to wait. Pure.
 *
 * @module
 */

/** Nobody waits longer than this, whatever a server asks. */
const LONGEST_MS = 5 * 60_000;

/**
 * The milliseconds that a `Retry-After` header asks to wait, at most five minutes; `undefined` when
 * it says nothing that can be understood. It holds seconds or an HTTP date, which `now` is for.
 */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : untilDate(text, now);
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), LONGEST_MS);
}

/** HTTP dates are in GMT and name the day: `Date.parse` alone would take a mere `2` for a year. */
function untilDate(text: string, now: number): number {
  return /^[A-Z][a-z]+,? .*\d{2}:\d{2}:\d{2}/.test(text) ? Date.parse(text) - now : NaN;
}
