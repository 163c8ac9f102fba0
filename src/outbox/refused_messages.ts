/**
 * Messages that the broker refuses: kept and sent again, ever more rarely, because its permissions
 * may change while the connection lasts.
 *
 * @module
 */
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { DelayedRetry } from "./delayed_retry.ts";

/** What keeping refused messages takes. */
interface RefusedMessagesOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Sends again what was refused. */
  retry(): void;
}

const RETRY = { min: 1_000, max: 5 * 60 * 1_000 };

/** A message and its place in the order of delivery. */
interface RefusedMessage {
  readonly seq: number;
  readonly topic: string;
}

/** The messages that the broker has refused over this connection. */
export class RefusedMessages {
  readonly #logger: Logger;
  /** Their topics, by their numbers. */
  readonly #topics = new Map<number, string>();
  readonly #logged = new Set<string>();
  readonly #retry: DelayedRetry;

  /** Begins with none. */
  constructor({ clock, logger, retry }: RefusedMessagesOptions) {
    this.#logger = logger;
    this.#retry = new DelayedRetry(clock, RETRY, retry);
  }

  /** How many messages are refused. */
  get count(): number {
    return this.#topics.size;
  }

  /** Whether one is refused that comes before this message on its topic. */
  isBefore({ seq, topic }: RefusedMessage): boolean {
    return this.#topics.entries().some(([earlier, refused]) => refused === topic && earlier < seq);
  }

  /** A message was refused. Each `reason` is logged once. */
  add({ seq, topic }: RefusedMessage, reason: string): void {
    this.#topics.set(seq, topic);
    if (!this.#logged.has(reason)) {
      this.#logged.add(reason);
      this.#logger.warn(`${reason}; refused messages are kept, and sent again later`);
    }
    this.#retry.schedule();
  }

  /** A message was accepted. */
  remove({ seq }: RefusedMessage): void {
    this.#topics.delete(seq);
    if (this.#topics.size === 0) this.#retry.reset();
  }

  /** Forgets them: there is another connection, or none any more. */
  clear(): void {
    this.#topics.clear();
    this.#logged.clear();
    this.#retry.cancel();
  }
}
