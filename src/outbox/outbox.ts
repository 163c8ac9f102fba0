/**
 * Delivers the journal's messages: in order, at least once, across outages of the broker.
 *
 * @module
 */
import { messageOf, quoted } from "../errors.ts";
import type { Message, Pending } from "../journal/messages.ts";
import type { Logger } from "../log.ts";
import { UnacknowledgedError } from "../mqtt/awaited_answers.ts";
import { topicProblem } from "../protocol/topics.ts";
import type { Clock } from "../time.ts";
import { Backlog, type PendingMessages } from "./backlog.ts";
import { DelayedRetry } from "./delayed_retry.ts";
import { Deliveries } from "./deliveries.ts";
import { RefusedMessages } from "./refused_messages.ts";
import { Suspects } from "./suspects.ts";

/** Where messages are kept until they are delivered. */
export interface OutboxStore extends PendingMessages {
  post(message: Message): Pending;
  pendingCount(): number;
  delivered(seqs: readonly number[]): void;
}

/** Where messages go. */
export interface Publisher {
  /** Whether there is a connection. */
  readonly connected: boolean;
  /** How many publications the broker takes before it has acknowledged the first. */
  readonly receiveMaximum: number;
  /**
   * Resolves when the broker has it for good. Rejects when it is refused, or when the connection is
   * lost before: then `connected` is false already.
   */
  publish(topic: string, payload: Uint8Array, correlationData?: Uint8Array): Promise<void>;
}

/** What an outbox works with. */
interface OutboxOptions {
  readonly store: OutboxStore;
  readonly publisher: Publisher;
  /**
   * Whether each message on a topic waits until the one before is delivered and that is stored, so
   * that whoever reads them never sees an older one after a newer one. Default: on none.
   */
  readonly inOrder?: (topic: string) => boolean;
  /** Whether a message on a topic is dropped when the broker refuses it. Default: none is. */
  readonly mayBeRefused?: (topic: string) => boolean;
  /** Called when the broker has a message for good. Never throws. Default: nothing is. */
  readonly onDelivered?: (message: Pending) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How much may be in flight at a time, if the broker allows as many messages. */
const WINDOW = { messages: 64, bytes: 8 * 1024 * 1024 };

/** How many messages that cannot be stored may wait in memory. */
const MAX_UNSTORED = 1_000;

/** How long to wait when the journal cannot be read. */
const READ_AGAIN = { min: 1_000, max: 60_000 };

/** A message on its way; without a number when it is not in the journal. */
type Outgoing = Message & Partial<Pending>;

/** Delivers the journal's messages. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #backlog: Backlog;
  /** Messages that the journal could not take: they are tried once. */
  readonly #unstored: Outgoing[] = [];
  readonly #inFlight: Outgoing[] = [];
  readonly #refused: RefusedMessages;
  readonly #suspects: Suspects;
  readonly #deliveries: Deliveries;
  readonly #readAgain: DelayedRetry;
  /** Counts connections: what belonged to an earlier one is published again anyway. */
  #connection = 0;
  #isClosed = false;
  #waiting: (() => void)[] = [];

  /** Makes an outbox that delivers once `connected()` is called. */
  constructor(options: OutboxOptions) {
    const { store, clock, logger } = options;
    this.#options = options;
    this.#backlog = new Backlog(store);
    this.#suspects = new Suspects(logger);
    this.#refused = new RefusedMessages({ clock, logger, retry: () => this.#startOver() });
    this.#deliveries = new Deliveries({ store, clock, logger, onStored: () => this.#goOn() });
    this.#readAgain = new DelayedRetry(clock, READ_AGAIN, () => this.#goOn());
  }

  /** Stores a message and sends it on its way. */
  post(message: Message): void {
    const { store, publisher, logger } = this.#options;
    let pending: Pending;
    try {
      pending = store.post(message);
    } catch (error) {
      // A full disk. The answer still has a fair chance to get there.
      logger.error(`Cannot store a message: ${messageOf(error)}; sending it without a second try`);
      if (!publisher.connected) return this.#lose(message, "there is no connection");
      if (this.#unstored.length === MAX_UNSTORED) return this.#lose(message, "too many wait");
      this.#unstored.push(message);
      return this.#publish();
    }
    this.send([pending]);
  }

  /** Sends messages on their way that are in the journal already. */
  send(messages: readonly Pending[]): void {
    // A reply that is sent again does not count as delivered because it was before.
    this.#deliveries.withdraw(messages);
    // The next connection starts over with the journal, which has them.
    if (!this.#options.publisher.connected) return;
    this.#backlog.add(messages.filter(({ seq }) => !this.#isInFlight(seq)));
    this.#publish();
  }

  /**
   * Publishes a message at once, past all that waits, without storing it: it is lost with the
   * connection. Returns `false`, and does nothing, when that is not possible now.
   */
  publishNow(message: Message): boolean {
    if (!this.#hasRoom() || topicProblem(message.topic) !== undefined) return false;
    this.#deliver(message, message.payload);
    return true;
  }

  /** Starts over with all that is undelivered: there is a new connection. */
  connected(): void {
    this.#connection++;
    this.#inFlight.length = 0;
    this.#refused.clear();
    this.#startOver();
  }

  /**
   * Resolves with 0 when every message is delivered. Resolves with how many are not when the signal
   * aborts, or when the broker has refused all that is left for `patienceMs`.
   */
  async drained(signal: AbortSignal, patienceMs: number = Infinity): Promise<number> {
    const { store, clock } = this.#options;
    const returning = new AbortController();
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true, signal: returning.signal })
    );
    let patience: Promise<void> | undefined;
    let isPatient = true;
    try {
      for (;;) {
        this.#deliveries.flush();
        const left = store.pendingCount();
        const isRefused = left <= this.#refused.count + this.#heldBack;
        if (left === 0 || signal.aborted || (isRefused && !isPatient)) return left;
        if (isRefused) {
          patience ??= clock.sleep(patienceMs, returning.signal)
            .then(() => void (isPatient = false), () => {});
        }
        const events = [aborted, new Promise<void>((resolve) => this.#waiting.push(resolve))];
        if (patience !== undefined && isPatient) events.push(patience);
        await Promise.race(events);
      }
    } finally {
      returning.abort();
    }
  }

  /** Stores what was delivered. What is delivered later is not stored any more. */
  close(): void {
    this.#isClosed = true;
    this.#deliveries.close();
    this.#refused.clear();
    this.#readAgain.cancel();
  }

  #startOver(): void {
    this.#deliveries.flush();
    this.#backlog.rewind();
    this.#publish();
  }

  /** Something has changed: more may be published, or all be done. */
  #goOn(): void {
    this.#publish();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #publish(): void {
    while (this.#hasRoom()) {
      const message = this.#unstored.shift() ?? this.#next();
      if (message === undefined) return;
      const payload = this.#payloadOf(message);
      if (payload !== undefined) this.#deliver(message, payload);
    }
  }

  #hasRoom(): boolean {
    if (this.#isClosed) return false;
    const { connected, receiveMaximum } = this.#options.publisher;
    const messages = this.#suspects.areSentAlone ? 1 : Math.min(WINDOW.messages, receiveMaximum);
    const bytes = this.#inFlight.reduce((sum, { payload }) => sum + payload.length, 0);
    return connected && this.#inFlight.length < messages && bytes < WINDOW.bytes;
  }

  #next(): Pending | undefined {
    const hasPassed = (seq: number) => this.#isInFlight(seq) || this.#deliveries.has(seq);
    try {
      const next = this.#backlog.next((message) => this.#isFree(message), hasPassed);
      this.#readAgain.reset();
      return next;
    } catch (error) {
      this.#options.logger.error(`Cannot read what is to be sent: ${messageOf(error)}; retrying`);
      this.#readAgain.schedule();
      return undefined;
    }
  }

  /** Whether a message need not wait for another. */
  #isFree(message: Pending): boolean {
    const { topic } = message;
    if (!this.#options.inOrder?.(topic)) return true;
    const isInFlight = this.#inFlight.some((other) => other.topic === topic);
    if (isInFlight || this.#refused.isBefore(message)) return false;
    if (this.#deliveries.hasTopic(topic)) this.#deliveries.flush();
    return !this.#deliveries.hasTopic(topic);
  }

  #isInFlight(seq: number): boolean {
    return this.#inFlight.some((message) => message.seq === seq);
  }

  /** How many messages wait behind one that is refused. */
  get #heldBack(): number {
    const { inOrder } = this.#options;
    return this.#backlog.count((message) =>
      inOrder?.(message.topic) === true && this.#refused.isBefore(message)
    );
  }

  /** What to send of a message. `undefined`: it cannot be sent at all, and is set aside. */
  #payloadOf(message: Outgoing): Uint8Array | undefined {
    const problem = topicProblem(message.topic);
    if (problem !== undefined) this.#lose(message, `the topic ${problem}; it is not sent`);
    const payload = isPending(message) ? this.#suspects.payloadOf(message) : message.payload;
    if (problem === undefined && payload !== undefined) return payload;
    if (isPending(message)) this.#finish(message);
    return undefined;
  }

  async #deliver(message: Outgoing, payload: Uint8Array): Promise<void> {
    const { publisher, onDelivered } = this.#options;
    const connection = this.#connection;
    this.#inFlight.push(message);
    try {
      await publisher.publish(message.topic, payload, message.correlationData);
      if (isPending(message) && !this.#isClosed) {
        this.#finish(message);
        onDelivered?.(message);
      }
    } catch (error) {
      if (this.#isClosed) return;
      if (!isPending(message)) this.#lose(message, messageOf(error));
      else if (connection === this.#connection) this.#fail(message, error);
    }
    if (connection !== this.#connection) return;
    this.#inFlight.splice(this.#inFlight.indexOf(message), 1);
    this.#goOn();
  }

  /** Nothing is left to do for a message. */
  #finish(message: Pending): void {
    this.#suspects.remove(message);
    this.#refused.remove(message);
    this.#deliveries.add(message);
  }

  #fail(message: Pending, error: unknown): void {
    const { publisher, mayBeRefused } = this.#options;
    if (publisher.connected && mayBeRefused?.(message.topic)) {
      this.#lose(message, messageOf(error));
      this.#finish(message);
    } else if (publisher.connected) {
      this.#suspects.remove(message);
      this.#refused.add(message, `Cannot publish on ${quoted(message.topic)}: ${messageOf(error)}`);
    } else if (error instanceof UnacknowledgedError && error.failure.closing !== undefined) {
      // What a lost connection took with it is in the journal, where the next one begins.
      this.#suspects.add(message);
    }
  }

  #lose({ topic }: Message, why: string): void {
    this.#options.logger.error(`Cannot publish on ${quoted(topic)}: ${why}`);
  }
}

function isPending(message: Outgoing): message is Pending {
  return message.seq !== undefined;
}
