/**
 * Time and chance, injected wherever a decision depends on them.
 *
 * @module
 */

/** A source of time. Tests move their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump, backwards too. */
  now(): number;
  /** Milliseconds since some fixed point. Never goes back. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    for (; ms > LONGEST_TIMER; ms -= LONGEST_TIMER) await timer(LONGEST_TIMER, signal);
    await timer(ms, signal);
  },
};

/** 24.8 days. A timer for longer goes off at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(id);
      reject(signal?.reason);
    };
    const id = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** How long to wait between attempts, in milliseconds. */
export interface BackoffOptions {
  /** The longest wait before the first retry. */
  min: number;
  /** The longest wait before any retry. */
  max: number;
}

/**
 * The wait before retry number `attempt` (from 0): exponential with full jitter, so that a fleet
 * that lost its server at once does not come back at once.
 */
export function backoff(
  attempt: number,
  { min, max }: BackoffOptions,
  random: () => number = Math.random,
): number {
  return random() * Math.min(max, min * 2 ** Math.min(attempt, 30));
}

/** Does something that ends early when its signal aborts, which is after `ms`. */
export async function within(
  ms: number,
  clock: Clock,
  action: (tooLate: AbortSignal) => Promise<void>,
): Promise<void> {
  const done = new AbortController();
  const tooLate = new AbortController();
  clock.sleep(ms, done.signal).then(() => tooLate.abort(), () => {});
  try {
    await action(tooLate.signal);
  } finally {
    done.abort();
  }
}

/** Resolves when `signal` aborts. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return orAbort(new Promise<never>(() => {}), signal);
}

/**
 * What `promise` resolves with, or `undefined` when `signal` aborts first. A signal that lasts keeps
 * nothing of promises that are over, as it would with `Promise.race()`.
 */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const abort = () => resolve(undefined);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Whether `error` is what an aborted signal threw, so that the caller was asked to stop. */
export function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true &&
    (error === signal.reason || (error instanceof Error && error.name === "AbortError"));
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A length of time in its two largest units: `12 s`, `2 h 5 min`, `3 d`. */
export function timeInWords(ms: number): string {
  const units = [[DAY_MS, "d"], [HOUR_MS, "h"], [MINUTE_MS, "min"], [SECOND_MS, "s"]] as const;
  const largest = units.findIndex(([unit]) => ms >= unit);
  if (largest < 0) return "0 s";
  let rest = ms;
  return units.slice(largest, largest + 2).flatMap(([unit, name]) => {
    const count = Math.floor(rest / unit);
    rest -= count * unit;
    return count === 0 ? [] : [`${count} ${name}`];
  }).join(" ");
}

/** The ages at which an outage is reported again; after the last one, each day. */
const REPORTED_AGES_MS = [
  ...[1, 5, 15].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 4, 8, 16, 24].map((hours) => hours * HOUR_MS),
];

/** That a server is away: how long, and when it is time to say so again, at growing intervals. */
export class Outage {
  readonly #clock: Clock;
  #since: number | undefined;
  #next = 0;

  /** There is none yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes a failure. Its age in milliseconds, when that is to be reported again. */
  failed(): number | undefined {
    const now = this.#clock.monotonic();
    this.#since ??= now;
    const age = now - this.#since;
    const due = this.#dueAfter();
    if (age < due) return undefined;
    while (this.#dueAfter() <= age) this.#next++;
    return age;
  }

  /** Notes its end. How long it took, in milliseconds; `undefined`: there was none. */
  ended(): number | undefined {
    const since = this.#since;
    const took = since === undefined ? undefined : this.#clock.monotonic() - since;
    this.#since = undefined;
    this.#next = 0;
    return took;
  }

  #dueAfter(): number {
    const { length } = REPORTED_AGES_MS;
    const days = Math.max(0, this.#next - length + 1);
    return REPORTED_AGES_MS[this.#next] ?? REPORTED_AGES_MS.at(-1)! + days * DAY_MS;
  }
}

/** A time in milliseconds since the epoch as ISO 8601; `null` when it is not known. */
export function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
