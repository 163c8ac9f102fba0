/**
 * What an emulated server was asked, and who waits to see it.
 *
 * @module
 */

/** One call that the emulated backend received. */
export interface Call {
  /** The HTTP method. */
  method: string;
  /** The path, without the query. */
  path: string;
  /** The query's parameters. */
  query: URLSearchParams;
  /** The `Authorization` header, or `null` without one. */
  authorization: string | null;
  /** The JSON body; `undefined` when there is none, or none that is JSON. */
  body: unknown;
}

/** Selects calls. */
export type CallMatcher = (call: Call) => boolean;

// A backend for development runs for days, and every heartbeat is a call.
const MAX_CALLS = 1_000;

/** The latest calls, oldest first, and those who await one. */
export class CallLog {
  /** The latest calls, oldest first. */
  readonly calls: Call[] = [];
  readonly #claimed = new WeakSet<Call>();
  readonly #waiters = new Set<{ matches: CallMatcher; resolve: (call: Call) => void }>();

  /** Remembers `call`, and hands it to the first who awaits such a call. */
  add(call: Call): void {
    this.calls.push(call);
    if (this.calls.length > MAX_CALLS) this.calls.shift();
    for (const waiter of this.#waiters) {
      if (!waiter.matches(call)) continue;
      this.#waiters.delete(waiter);
      return waiter.resolve(this.#claim(call));
    }
  }

  /** The first call that matches and was not returned here before, past or to come. */
  next(matches: CallMatcher): Promise<Call> {
    const past = this.calls.find((call) => !this.#claimed.has(call) && matches(call));
    if (past !== undefined) return Promise.resolve(this.#claim(past));
    return new Promise((resolve) => this.#waiters.add({ matches, resolve }));
  }

  #claim(call: Call): Call {
    this.#claimed.add(call);
    return call;
  }
}
