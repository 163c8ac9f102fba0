/**
 * Which failures of an upload are worth another attempt, and when.
 *
 * @module
 */
import { BackendError, CloudNodeError, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { backoff, type Clock } from "../time.ts";

/** The storage server, or the way to it, refused a file. */
export class StorageError extends BackendError {}

/** The client errors that are temporary. */
const PASSING = [408, 409, 425, 429];

/** Whether what failed may succeed when it is retried. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof CloudNodeError)) return false;
  const status = error instanceof BackendError ? error.status : undefined;
  if (status === undefined) return !error.permanent;
  return status < 300 || PASSING.includes(status) || status >= 500;
}

/** What attempts are made with. */
export interface AttemptParts {
  /** Waits between the attempts. */
  readonly clock: Clock;
  /** Where each failed attempt is reported. */
  readonly logger: Logger;
  /** From 0 up to 1: how much of the longest wait to take. */
  readonly random: () => number;
}

const ATTEMPTS = 3;
const WAIT = { min: 500, max: 10_000 };
/** A server that asks for more than this is left alone until the next round. */
const LONGEST_RETRY_AFTER_MS = 30_000;

/** Makes up to three attempts, as long as another one may succeed. */
export async function attempts<T>(
  attempt: () => Promise<T>,
  { clock, logger, random }: AttemptParts,
  signal: AbortSignal,
): Promise<T> {
  for (let number = 1;; number++) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      const asked = error instanceof BackendError ? error.retryAfterMs ?? 0 : 0;
      if (!mayPass(error) || number === ATTEMPTS || asked > LONGEST_RETRY_AFTER_MS) throw error;
      const wait = Math.max(asked, backoff(number - 1, WAIT, random));
      logger.info(`${messageOf(error)}; retrying in ${(wait / 1000).toFixed(1)} s`);
      await clock.sleep(wait, signal);
    }
  }
}
