/**
 * Trying again for as long as it takes.
 *
 * @module
 */
import { BackendError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { backoff, type Clock } from "../time.ts";

/** What {@linkcode retry} needs. */
export interface RetryParts {
  /** Waits between the attempts. */
  clock: Clock;
  /** Where each failed attempt is told. */
  logger: Logger;
  /** From 0 up to 1: how much of the longest wait to take. */
  random: () => number;
}

const MIN_WAIT = 1_000;
const MAX_WAIT = 30_000;

/**
 * Makes `attempt` until it succeeds. Only a `BackendError` is worth another attempt; even a
 * permanent one, because somebody may repair the backend, but then only at the slowest pace.
 */
export async function retry<T>(
  action: string,
  attempt: () => Promise<T>,
  { clock, logger, random }: RetryParts,
  signal?: AbortSignal,
): Promise<T> {
  for (let retries = 0;; retries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      const min = error.permanent ? MAX_WAIT : MIN_WAIT;
      const wait = backoff(retries, { min, max: MAX_WAIT }, random);
      const hint = error.hint === undefined ? "" : ` (${error.hint})`;
      logger[error.permanent ? "error" : "warn"](
        `Cannot ${action}: ${error.message}; retrying in ${(wait / 1000).toFixed(1)} s${hint}`,
      );
      await clock.sleep(wait, signal);
    }
  }
}
