/**
 * Delivers the journal's messages: in order, at least once, across every outage of the broker.
 *
 * @module
 */
import { messageOf, quoted } from "../errors.ts";
import type { Message, Pending } from "../journal/journal.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";

/** Where messages are remembered until they are delivered. */
export interface OutboxStore {
  post(message: Message): Pending;
  pending(after: number, limit: number): Pending[];
  pendingCount(): number;
  delivered(seqs: readonly number[]): void;
}

/** Where messages go. */
export interface Publisher {
  /** Whether there is a connection. */
  readonly connected: boolean;
  /** How many publications the broker takes before it has acknowledged the first. */
  readonly receiveMaximum: number;
  /** Resolves when the broker has it for good; rejects when that cannot be known. */
  publish(topic: string, payload: Uint8Array): Promise<void>;
}

/** What an outbox works with. */
export interface OutboxOptions {
  readonly store: OutboxStore;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How many messages are on their way at a time, if the broker allows as many. */
const WINDOW = 64;

/** How many messages are read from the journal at a time. */
const PAGE = 64;

/** How long a delivery may be known in memory only: a crash means that it is repeated. */
const REMEMBER_AFTER_MS = 100;

/** Delivers the journal's messages. */
export class Outbox {
  readonly #options: OutboxOptions;
  /** Messages to be published next; with `#backlog` there are more in the journal behind them. */
  #queue: Pending[] = [];
  #backlog = true;
  #lastQueued = 0;
  #inFlight = 0;
  /** Counts connections: what belonged to an earlier one is published again anyway. */
  #connection = 0;
  #delivered: number[] = [];
  #remembering = false;
  readonly #closing = new AbortController();
  #waiting: (() => void)[] = [];

  /** Makes an outbox that delivers once `connected()` is called. */
  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Remembers a message and sends it on its way. */
  post(message: Message): void {
    const { store, logger } = this.#options;
    try {
      this.send([store.post(message)]);
    } catch (error) {
      // A full disk. The answer still has a fair chance to get there.
      logger.error(`Cannot store a message: ${messageOf(error)}; sending it without a second try`);
      this.#options.publisher.publish(message.topic, message.payload).catch((error) => {
        logger.error(`Cannot publish on ${quoted(message.topic)}: ${messageOf(error)}`);
      });
    }
  }

  /** Sends messages on their way that are in the journal already. */
  send(messages: readonly Pending[]): void {
    // An answer that is owed again does not count as delivered because it was before.
    const owed = new Set(messages.map(({ seq }) => seq));
    this.#delivered = this.#delivered.filter((seq) => !owed.has(seq));
    // The next connection starts over with the journal, which has them.
    if (!this.#options.publisher.connected) return;
    // So does the rest of the backlog, but for what it has gone past and is owed again.
    const passed = ({ seq }: Pending) => !this.#backlog || seq <= this.#lastQueued;
    this.#queue.push(...messages.filter(passed));
    this.#publish();
  }

  /** Starts over with all that is undelivered: there is a new connection. */
  connected(): void {
    this.#connection++;
    this.#rememberDelivered();
    this.#queue = [];
    this.#backlog = true;
    this.#lastQueued = 0;
    this.#inFlight = 0;
    this.#publish();
  }

  /** Resolves when every message is delivered, or when the signal aborts. */
  async drained(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true })
    );
    while (!signal.aborted) {
      this.#rememberDelivered();
      if (this.#options.store.pendingCount() === 0) return;
      const progress = new Promise<void>((resolve) => this.#waiting.push(resolve));
      await Promise.race([progress, aborted]);
    }
  }

  /** Writes down what was delivered. What is delivered later is not remembered any more. */
  close(): void {
    this.#rememberDelivered();
    this.#closing.abort();
  }

  #publish(): void {
    const { publisher } = this.#options;
    const window = Math.min(WINDOW, publisher.receiveMaximum);
    while (publisher.connected && this.#inFlight < window) {
      const message = this.#next();
      if (message === undefined) return;
      this.#inFlight++;
      this.#deliver(message, this.#connection);
    }
  }

  #next(): Pending | undefined {
    if (this.#queue.length === 0 && this.#backlog) {
      this.#queue = this.#options.store.pending(this.#lastQueued, PAGE);
      this.#backlog = this.#queue.length === PAGE;
      this.#lastQueued = this.#queue.at(-1)?.seq ?? this.#lastQueued;
    }
    return this.#queue.shift();
  }

  async #deliver(message: Pending, connection: number): Promise<void> {
    const { publisher, logger } = this.#options;
    try {
      await publisher.publish(message.topic, message.payload);
      this.#delivered.push(message.seq);
      this.#rememberSoon();
    } catch (error) {
      // It stays in the journal, and goes out again with the next connection.
      logger.warn(
        `Cannot publish on ${quoted(message.topic)}: ${messageOf(error)}; it is kept for later`,
      );
    }
    if (connection !== this.#connection) return;
    this.#inFlight--;
    this.#publish();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #rememberSoon(): void {
    if (this.#remembering) return;
    this.#remembering = true;
    this.#options.clock.sleep(REMEMBER_AFTER_MS, this.#closing.signal)
      .then(() => this.#rememberDelivered(), () => {});
  }

  #rememberDelivered(): void {
    this.#remembering = false;
    if (this.#delivered.length === 0) return;
    try {
      this.#options.store.delivered(this.#delivered);
      this.#delivered = [];
    } catch (error) {
      this.#options.logger.warn(`Cannot remember deliveries: ${messageOf(error)}; trying again`);
      this.#rememberSoon();
    }
  }
}
