/**
 * How the next attempt to connect to a broker is made, after those that failed. Pure.
 *
 * @module
 */
import type { Failure, ProtocolVersion } from "./failure.ts";

/** What decides how the next attempt to connect is made. */
export interface Attempt {
  /** The version of MQTT to ask for. */
  readonly version: ProtocolVersion;
  /** How many failures led to it, one after the other. */
  readonly failures: number;
  /** Whether this broker has spoken MQTT 5, so that silence is no sign of the contrary. */
  readonly knows5: boolean;
  /** How many short sessions in a row the broker ended and gave no reason. */
  readonly cutShort: number;
  /** How long the wait before it may be, in milliseconds. */
  readonly wait: { readonly min: number; readonly max: number };
}

// Two clients with one client id throw each other out, and not every broker says why: a connection
// must last a little to count as a success, or they would do so without end at the shortest wait.
const STABLE_MS = 2_000;
const SHORT_SESSION_MS = 60_000;
/** How many short sessions look like two clients rather than like a bad day of the broker. */
const SUSPICIOUS = 3;
const WAIT = { min: 1_000, max: 30_000 };
const LONGEST_WAIT = { min: WAIT.max, max: WAIT.max };
const NO_WAIT = { min: 0, max: 0 };

/** The attempt that comes first. */
export const FIRST_ATTEMPT: Attempt = {
  version: 5,
  failures: 0,
  knows5: false,
  cutShort: 0,
  wait: NO_WAIT,
};

/**
 * The attempt after `last`, which ended with `failure`. `lasted` says for how many milliseconds it
 * was connected, if it was.
 */
export function nextAttempt(last: Attempt, failure: Failure, lasted: number | undefined): Attempt {
  const wasConnected = lasted !== undefined;
  const failures = wasConnected && lasted >= STABLE_MS ? 1 : last.failures + 1;
  const knows5 = last.knows5 || (wasConnected && last.version === 5);
  const cutShort = countCutShort(last.cutShort, failure, lasted);
  if (failure.kind === "version") {
    const wait = last.version === 5 ? NO_WAIT : WAIT;
    return { version: other(last.version), failures, knows5: false, cutShort, wait };
  }
  const wait = failure.kind === "trouble" ? LONGEST_WAIT : WAIT;
  // Asking for 5 again after each outage costs one round trip and notices an upgraded broker.
  if (wasConnected) return { version: 5, failures, knows5, cutShort, wait };
  const mayBeTooOld = failure.kind === "silence" && !knows5;
  const version = mayBeTooOld ? other(last.version) : last.version;
  return { version, failures, knows5, cutShort, wait };
}

function countCutShort(before: number, failure: Failure, lasted: number | undefined): number {
  if (lasted === undefined) return before;
  return failure.closing === "wordless" && lasted < SHORT_SESSION_MS ? before + 1 : 0;
}

/** What to do about `failure`, given how the attempts went that led to `next`. */
export function hintFor(failure: Failure, next: Attempt): string | undefined {
  if (failure.hint !== undefined || failure.closing !== "wordless") return failure.hint;
  if (next.cutShort < SUSPICIOUS) return undefined;
  return "if another node uses a copy of this node's state folder, stop it: " +
    "a broker keeps only one of two clients with the same client id";
}

function other(version: ProtocolVersion): ProtocolVersion {
  return version === 5 ? 4 : 5;
}
