/**
 * Storing in spite of a full disk.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { backoff, type Clock } from "../time.ts";

/** What retrying takes. */
interface RetryParts {
  /** Times the waits between the attempts. */
  readonly clock: Clock;
  /** Where each failed attempt is reported. */
  readonly logger: Pick<Logger, "error">;
  /** Spreads the waits. Default: `Math.random`. */
  readonly random?: () => number;
}

/** What storing in the journal takes. */
interface StoreParts extends RetryParts {
  /** Where it is stored. */
  readonly journal: { commit<T>(write: () => T): Promise<T> };
}

const WAIT = { min: 2_000, max: 30_000 };

/** Commits `write` as often as it takes; `undefined` when `signal` aborts before it is stored. */
export function commitUntilStored<T>(
  what: string,
  parts: StoreParts,
  signal: AbortSignal,
  write: () => T,
): Promise<T | undefined> {
  return untilStored(what, parts, signal, () => parts.journal.commit(write));
}

/**
 * Calls `store` until it succeeds, and resolves with its result; `undefined` when `signal` aborts before.
 * Never rejects.
 */
export async function untilStored<T>(
  what: string,
  { clock, logger, random }: RetryParts,
  signal: AbortSignal,
  store: () => Promise<T>,
): Promise<T | undefined> {
  for (let attempt = 0;; attempt++) {
    try {
      return await store();
    } catch (error) {
      if (signal.aborted) return undefined;
      logger.error(`Cannot store ${what}: ${messageOf(error)}; retrying`);
    }
    try {
      await clock.sleep(backoff(attempt, WAIT, random), signal);
    } catch {
      return undefined;
    }
  }
}
