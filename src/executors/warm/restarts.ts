/**
 * When something that crashed is started again. Pure.
 *
 * @module
 */
import type { Clock } from "../../time.ts";

/** The waits before a restart, in milliseconds: the first one, which doubles, and the longest. */
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/** The wait before something that has failed is started again, in milliseconds. */
const FAILED_MS = 5 * 60_000;

/** After it has run for this long, a crash is the first of a row again, in milliseconds. */
const LASTING_MS = 60_000;

/** What follows from a crash. */
export interface Restart {
  /** How long to wait before it is started again, in milliseconds. */
  readonly waitMs: number;
  /** Whether it has failed: until it is ready, nothing waits for it. */
  readonly hasFailed: boolean;
}

/** Counts the crashes in a row. */
export class Restarts {
  /** It has failed after so many crashes in a row. */
  static readonly MAX = 5;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #random: () => number;
  #crashes = 0;
  #readySince: number | undefined;

  /** Begins without crashes. */
  constructor(clock: Pick<Clock, "monotonic">, random?: () => number) {
    this.#clock = clock;
    this.#random = random ?? Math.random;
  }

  /** It is ready. */
  ready(): void {
    this.#readySince ??= this.#clock.monotonic();
  }

  /** It has done something: a crash that follows is the first one. */
  worked(): void {
    this.#crashes = 0;
  }

  /** It has crashed. */
  crashed(): Restart {
    const lasted = this.#readySince === undefined ? 0 : this.#clock.monotonic() - this.#readySince;
    this.#readySince = undefined;
    if (lasted >= LASTING_MS) this.#crashes = 0;
    this.#crashes++;
    const hasFailed = this.#crashes >= Restarts.MAX;
    const longest = hasFailed
      ? FAILED_MS
      : Math.min(LONGEST_MS, FIRST_MS * 2 ** (this.#crashes - 1));
    // Several that crash together do not start together.
    return { waitMs: longest * (0.75 + 0.5 * this.#random()), hasFailed };
  }
}
