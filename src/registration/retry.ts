/**
 * Retrying calls to the backend for as long as it takes.
 *
 * @module
 */
import { AuthenticationError, BackendError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { backoff, type BackoffOptions, type Clock } from "../time.ts";

/** The token that calls are made with. */
export interface TokenInUse {
  /** The token. */
  readonly value: string;
  /** Records that the backend accepted a token. */
  accepted(token: string): Promise<void>;
  /** Records that the backend refused a token. Resolves with what that means. */
  refused(token: string): Promise<"changed" | "wait" | "final">;
}

/** What retrying needs. */
export interface TokenRetryParts {
  /** The token. */
  readonly token: TokenInUse;
  /** Waits between the attempts. */
  readonly clock: Clock;
  /** Where each failed attempt is reported. */
  readonly logger: Logger;
  /** From 0 up to 1: how much of the longest wait to take. */
  readonly random: () => number;
}

const WAIT: BackoffOptions = { min: 1_000, max: 30_000 };
/** The waits after failures that last until somebody changes something. */
const LONG_WAIT: BackoffOptions = { min: 30_000, max: 60_000 };

/**
 * Makes `attempt` until it succeeds. Only a `BackendError` is worth another attempt; even a
 * permanent one, because somebody may repair the backend, but then at a slower pace.
 */
export async function retry<T>(
  action: string,
  attempt: () => Promise<T>,
  parts: TokenRetryParts,
  signal?: AbortSignal,
): Promise<T> {
  const { clock, logger, random } = parts;
  for (let retries = 0;; retries++) {
    try {
      return await whileRefused(action, attempt, parts, signal);
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      const wait = Math.max(
        backoff(retries, error.permanent ? LONG_WAIT : WAIT, random),
        error.retryAfterMs ?? 0,
      );
      logger[error.permanent ? "error" : "warn"](retryMessage(action, error, wait));
      await clock.sleep(wait, signal);
    }
  }
}

/**
 * Makes `attempt`, and again while the token is refused: at once when there is another one by now,
 * later when the backend has accepted this one before. Any other failure is thrown. An attempt that
 * resolves with "unknown" says nothing of the token.
 */
export async function whileRefused<T>(
  action: string,
  attempt: () => Promise<T>,
  { token, clock, logger, random }: TokenRetryParts,
  signal?: AbortSignal,
): Promise<T> {
  for (let retries = 0;;) {
    const used = token.value;
    try {
      const result = await attempt();
      if (result !== "unknown") await token.accepted(used);
      return result;
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      const meaning = await token.refused(used);
      if (meaning === "final") throw error;
      if (meaning === "changed") continue;
      const wait = backoff(retries++, LONG_WAIT, random);
      logger.error(`${retryMessage(action, error, wait)}; this token was accepted before`);
      await clock.sleep(wait, signal);
    }
  }
}

function retryMessage(
  action: string,
  { message, hint }: AuthenticationError | BackendError,
  wait: number,
): string {
  const advice = hint === undefined ? "" : ` (${hint})`;
  return `Cannot ${action}: ${message}; retrying in ${(wait / 1000).toFixed(1)} s${advice}`;
}
