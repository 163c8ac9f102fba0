/**
 * Something that is retried later, after a longer wait each time.
 *
 * @module
 */
import { backoff, type BackoffOptions, type Clock } from "../time.ts";

/** Calls an action after a wait that doubles each time. */
export class DelayedRetry {
  readonly #clock: Clock;
  readonly #waits: BackoffOptions;
  readonly #action: () => void;
  #attempt = 0;
  #waiting: AbortController | undefined;

  /** Prepares to call `action`. */
  constructor(clock: Clock, waits: BackoffOptions, action: () => void) {
    this.#clock = clock;
    this.#waits = waits;
    this.#action = action;
  }

  /** Whether the next call is due already. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Calls the action after the next wait, unless a call is due already. */
  schedule(): void {
    if (this.#waiting !== undefined) return;
    const waiting = this.#waiting = new AbortController();
    const wait = backoff(this.#attempt++, this.#waits, () => 1);
    this.#clock.sleep(wait, waiting.signal).then(() => {
      this.#waiting = undefined;
      this.#action();
    }, () => {});
  }

  /** Makes the next wait the shortest. */
  reset(): void {
    this.#attempt = 0;
  }

  /** Calls off what is due, and makes the next wait the shortest. */
  cancel(): void {
    this.reset();
    this.#waiting?.abort();
    this.#waiting = undefined;
  }
}
