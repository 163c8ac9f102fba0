/** A clock that moves only when it is told to. */
import type { Clock } from "../../src/time.ts";

interface Sleeper {
  due: number;
  wake: () => void;
}

/** Stands still until `advance`. */
export class FakeClock implements Clock {
  #elapsed = 0;
  readonly #sleepers = new Set<Sleeper>();
  readonly #watchers = new Set<() => void>();

  /** Starts at `epoch`, in milliseconds since the Unix epoch. */
  constructor(readonly epoch: number = Date.parse("2025-01-01T00:00:00Z")) {}

  now(): number {
    return Math.floor(this.epoch + this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const sleeper = { due: this.#elapsed + ms, wake };
      signal?.addEventListener("abort", abort, { once: true });
      this.#sleepers.add(sleeper);
      for (const watcher of this.#watchers) watcher();
    });
  }

  /** Resolves once somebody sleeps, with the milliseconds until the next one wakes. */
  async sleeping(): Promise<number> {
    while (this.#sleepers.size === 0) await this.#sleeper();
    return Math.min(...[...this.#sleepers].map(({ due }) => due)) - this.#elapsed;
  }

  /** Resolves once somebody sleeps who wakes in `ms`. */
  async sleepingFor(ms: number): Promise<void> {
    const due = this.#elapsed + ms;
    while (![...this.#sleepers].some((sleeper) => sleeper.due === due)) await this.#sleeper();
  }

  /** Resolves when somebody falls asleep. */
  #sleeper(): Promise<void> {
    return new Promise((resolve) => {
      const watcher = () => {
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }

  /** Moves by `ms`, waking each sleeper at its time and letting it run until it waits again. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    for (;;) {
      const [next] = [...this.#sleepers].sort((a, b) => a.due - b.due);
      if (next === undefined || next.due > end) break;
      this.#elapsed = Math.max(this.#elapsed, next.due);
      next.wake();
      await turn();
    }
    this.#elapsed = end;
    await turn();
  }
}

/** Lets everything that is ready run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
