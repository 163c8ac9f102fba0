/**
 * Writing to the journal in spite of a full disk.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { backoff, type Clock } from "../time.ts";

/** What retrying takes. */
interface StoreParts {
  /** Where it is stored. */
  readonly journal: { commit<T>(write: () => T): Promise<T> };
  /** Times the waits between the attempts. */
  readonly clock: Clock;
  /** Where each failed attempt is reported. */
  readonly logger: Logger;
  /** Spreads the waits. Default: `Math.random`. */
  readonly random?: () => number;
}

const WAIT = { min: 2_000, max: 30_000 };

/** Commits `write` as often as it takes; `undefined` when `signal` aborts before it is stored. */
export async function commitUntilStored<T>(
  what: string,
  { journal, clock, logger, random }: StoreParts,
  signal: AbortSignal,
  write: () => T,
): Promise<T | undefined> {
  for (let attempt = 0;; attempt++) {
    try {
      return await journal.commit(write);
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
