/**
 * Something that is to happen later, in place of what was to happen before.
 *
 * @module
 */
import type { Clock } from "../../time.ts";

/** At most one thing that is to happen later. */
export class OneTimer {
  readonly #clock: Pick<Clock, "sleep">;
  #current = new AbortController();

  /** Nothing is to happen yet. */
  constructor(clock: Pick<Clock, "sleep">) {
    this.#clock = clock;
  }

  /** Calls `action` after `ms`, unless it is set again or cleared before. */
  set(ms: number, action: () => void): void {
    this.clear();
    this.#current = new AbortController();
    this.#clock.sleep(ms, this.#current.signal).then(action, () => {});
  }

  /** Nothing is to happen any more. */
  clear(): void {
    this.#current.abort();
  }
}
