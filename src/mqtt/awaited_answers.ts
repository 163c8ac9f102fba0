/**
 * The requests that a broker has not answered: how each ends, and when it is too late.
 *
 * @module
 */
import { BrokerError } from "../errors.ts";
import type { Clock } from "../time.ts";
import type { Failure } from "./failure.ts";

/** A packet that the broker has to answer. */
export type Request = "PUBLISH" | "SUBSCRIBE" | "UNSUBSCRIBE";

/** How long the broker may take for the answer that is due next, in milliseconds. */
export const ANSWER_TIMEOUT_MS = 30_000;

/** A publication was not acknowledged before its connection was closed: it may have arrived. */
export class UnacknowledgedError extends BrokerError {
  /** Why the connection was closed. */
  readonly failure: Failure;

  /** Makes an error for a connection that was closed because of `failure`. */
  constructor(failure: Failure) {
    super(`The message is not acknowledged: ${failure.why}`);
    this.failure = failure;
  }
}

interface Awaited {
  readonly request: Request;
  readonly reject: (error: BrokerError) => void;
}

/** The answers that are awaited over one connection. */
export class AwaitedAnswers {
  readonly #clock: Clock;
  readonly #onTimeout: (failure: Failure) => void;
  /** Oldest first: brokers answer in order. */
  readonly #awaited = new Set<Awaited>();
  readonly #closed = new AbortController();
  #isWatched = false;

  /** Calls `onTimeout` when the broker has not answered in time. */
  constructor(clock: Clock, onTimeout: (failure: Failure) => void) {
    this.#clock = clock;
    this.#onTimeout = onTimeout;
  }

  /** Awaits an answer until the result is called. Calls `reject` if the connection is closed first. */
  expect(request: Request, reject: (error: BrokerError) => void = () => {}): () => void {
    const awaited = { request, reject };
    this.#awaited.add(awaited);
    if (!this.#isWatched) this.#watch();
    return () => this.#awaited.delete(awaited);
  }

  /** The connection was closed because of `failure`: there will be no answers. */
  close(failure: Failure): void {
    this.#closed.abort();
    for (const { reject } of this.#awaited) reject(new UnacknowledgedError(failure));
  }

  /** Each answer restarts the time, so that a slow network does not look like a silent broker. */
  async #watch(): Promise<void> {
    const { signal } = this.#closed;
    this.#isWatched = true;
    try {
      for (let [due] = this.#awaited; due !== undefined; [due] = this.#awaited) {
        await this.#clock.sleep(ANSWER_TIMEOUT_MS, signal);
        if (this.#awaited.has(due)) return this.#onTimeout(unanswered(due.request));
      }
    } catch {
      // The connection is closed.
    } finally {
      this.#isWatched = false;
    }
  }
}

function unanswered(request: Request): Failure {
  return {
    kind: "outage",
    why: `the broker has not answered ${request} for ${ANSWER_TIMEOUT_MS / 1000} s`,
    closing: "unanswered",
  };
}
