/**
 * Writing to the journal in spite of a full disk.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { backoff, type Clock } from "../time.ts";

/** What trying again takes. */
export interface UntilStoredParts {
  /** Waits between the tries. */
  readonly clock: Clock;
  /** Where each failed try is told. */
  readonly logger: Logger;
  /** Spreads the waits. Default: `Math.random`. */
  readonly random?: () => number;
}

const WAIT = { min: 2_000, max: 30_000 };

/** Calls `store` until it works; rejects with the signal's reason when that aborts before. */
export async function untilStored(
  what: string,
  store: () => void,
  { clock, logger, random }: UntilStoredParts,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return store();
    } catch (error) {
      logger.error(`Cannot store ${what}: ${messageOf(error)}; trying until I can`);
      await clock.sleep(backoff(attempt, WAIT, random), signal);
    }
  }
}
