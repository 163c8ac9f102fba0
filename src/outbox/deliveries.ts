/**
 * Messages that were delivered, until the journal knows.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Pending } from "../journal/messages.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { DelayedRetry } from "./delayed_retry.ts";

/** What remembering deliveries takes. */
interface DeliveriesOptions {
  readonly store: { delivered(seqs: readonly number[]): void };
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when they were stored after a wait. */
  onStored(): void;
}

/** How long a delivery may be known in memory only: after a crash it is repeated. */
const STORE_AFTER_MS = 100;

const RETRY = { min: 1_000, max: 60_000 };

/** The deliveries that the journal does not know yet. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #unstored = new Map<number, Pending>();
  readonly #soon: DelayedRetry;
  readonly #retry: DelayedRetry;

  /** Begins with none. */
  constructor(options: DeliveriesOptions) {
    this.#options = options;
    const store = () => {
      this.#store();
      options.onStored();
    };
    this.#soon = new DelayedRetry(
      options.clock,
      { min: STORE_AFTER_MS, max: STORE_AFTER_MS },
      store,
    );
    this.#retry = new DelayedRetry(options.clock, RETRY, store);
  }

  /** A message was delivered, which is stored soon. */
  add(message: Pending): void {
    this.#unstored.set(message.seq, message);
    if (!this.#retry.isWaiting) this.#soon.schedule();
  }

  /** Whether the delivery of the message with this number is not stored. */
  has(seq: number): boolean {
    return this.#unstored.has(seq);
  }

  /** Whether a delivery on this topic is not stored. */
  hasTopic(topic: string): boolean {
    return this.#unstored.values().some((message) => message.topic === topic);
  }

  /** These messages are sent again: that they were delivered does not count. */
  withdraw(messages: readonly Pending[]): void {
    for (const { seq } of messages) this.#unstored.delete(seq);
  }

  /** Stores them now, unless that failed a short while ago. */
  flush(): void {
    if (!this.#retry.isWaiting) this.#store();
  }

  /** Stores them, or gives up: after a crash they are repeated. */
  close(): void {
    this.#store();
    this.#soon.cancel();
    this.#retry.cancel();
  }

  #store(): void {
    if (this.#unstored.size === 0) return;
    const { store, logger } = this.#options;
    try {
      store.delivered([...this.#unstored.keys()]);
      this.#unstored.clear();
      this.#retry.cancel();
    } catch (error) {
      logger.warn(`Cannot store that messages were delivered: ${messageOf(error)}; retrying`);
      this.#retry.schedule();
    }
  }
}
