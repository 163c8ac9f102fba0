/**
 * What the broker refuses: kept and sent again, ever more rarely, for its rights may change while
 * the connection lasts.
 *
 * @module
 */
import type { Logger } from "../log.ts";
import { backoff, type Clock } from "../time.ts";

/** What keeping refusals takes. */
export interface RefusedMessagesOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Sends again what was refused. */
  retry(): void;
}

/** How long to wait before what was refused is sent again: doubled each time. */
const RETRY = { min: 1_000, max: 5 * 60 * 1_000 };

/** A message and its place in the order of delivery. */
export interface Refused {
  readonly seq: number;
  readonly topic: string;
}

/** The messages that the broker has refused over this connection. */
export class RefusedMessages {
  readonly #options: RefusedMessagesOptions;
  /** Their topics, by their numbers. */
  readonly #topics = new Map<number, string>();
  readonly #told = new Set<string>();
  #retries = 0;
  #waiting: AbortController | undefined;

  /** Begins with none. */
  constructor(options: RefusedMessagesOptions) {
    this.#options = options;
  }

  /** How many messages are refused. */
  get count(): number {
    return this.#topics.size;
  }

  /** Whether one is refused that comes before this message on its topic. */
  isBefore({ seq, topic }: Refused): boolean {
    return this.#topics.entries().some(([earlier, refused]) => refused === topic && earlier < seq);
  }

  /** A message was refused. What is said of it is said once. */
  add({ seq, topic }: Refused, what: string): void {
    this.#topics.set(seq, topic);
    if (!this.#told.has(what)) {
      this.#told.add(what);
      this.#options.logger.warn(`${what}; what is refused is kept, and sent again later`);
    }
    if (this.#waiting === undefined) this.#retryLater();
  }

  /** A message was taken. */
  remove({ seq }: Refused): void {
    this.#topics.delete(seq);
    if (this.#topics.size === 0) this.#retries = 0;
  }

  /** Forgets them: there is another connection, or none any more. */
  clear(): void {
    this.#topics.clear();
    this.#told.clear();
    this.#retries = 0;
    this.#waiting?.abort();
    this.#waiting = undefined;
  }

  #retryLater(): void {
    const waiting = this.#waiting = new AbortController();
    const wait = backoff(this.#retries++, RETRY, () => 1);
    this.#options.clock.sleep(wait, waiting.signal).then(() => {
      this.#waiting = undefined;
      this.#options.retry();
    }, () => {});
  }
}
