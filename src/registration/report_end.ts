/**
 * The last word to the backend: it must not keep the node from ending.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";

/** What a farewell works with. */
export interface FarewellParts {
  /** Bounds the call. */
  clock: Clock;
  /** Where a failure is told. */
  logger: Logger;
  /** How long to wait for the backend, in milliseconds. Default 5,000. */
  timeoutMs?: number;
}

/**
 * Makes one last call, such as `terminated` or `failed`, once and for a bounded time. Never throws:
 * a backend that does not hear it finds out by the missing heartbeats.
 */
export async function reportEnd(
  word: string,
  call: (signal: AbortSignal) => Promise<void>,
  { clock, logger, timeoutMs = 5_000 }: FarewellParts,
): Promise<void> {
  const answered = new AbortController();
  const tooLate = new AbortController();
  const bound = clock.sleep(timeoutMs, answered.signal).then(
    () => tooLate.abort(new Error(`no answer within ${timeoutMs / 1000} s`)),
    () => {},
  );
  try {
    await call(tooLate.signal);
  } catch (error) {
    logger.warn(`Cannot tell the backend that this node ${word}: ${messageOf(error)}`);
  } finally {
    answered.abort();
    await bound;
  }
}
