/**
 * Whether a program should be loaded now.
 *
 * @module
 */

/** Whether a program should be loaded now. */
export class Demand {
  #isWanted: boolean | undefined;
  #change = new AbortController();

  /** Begins with this; `undefined`: it is not known yet. */
  constructor(isWanted: boolean | undefined) {
    this.#isWanted = isWanted;
  }

  /** Whether it is wanted; `undefined`: that is not known yet. */
  get isWanted(): boolean | undefined {
    return this.#isWanted;
  }

  /** Aborts when that changes. */
  get change(): AbortSignal {
    return this.#change.signal;
  }

  /** Sets whether it is wanted. */
  set(isWanted: boolean): void {
    if (this.#isWanted === isWanted) return;
    this.#isWanted = isWanted;
    this.#change.abort();
    this.#change = new AbortController();
  }
}
