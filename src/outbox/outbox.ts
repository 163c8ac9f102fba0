/**
 * Delivers the journal's messages: in order, at least once, across every outage of the broker.
 *
 * @module
 */
import { messageOf, quoted } from "../errors.ts";
import type { Message, Pending } from "../journal/messages.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { RefusedMessages } from "./refused_messages.ts";

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
  /**
   * Resolves when the broker has it for good. Rejects when it is refused, or when the connection is
   * lost before: then `connected` is false already.
   */
  publish(topic: string, payload: Uint8Array): Promise<void>;
}

/** What an outbox works with. */
export interface OutboxOptions {
  readonly store: OutboxStore;
  readonly publisher: Publisher;
  /**
   * Whether each message on a topic waits until the one before is delivered and that is remembered,
   * so that whoever reads them never sees an older one after a newer one. Default: on none.
   */
  readonly inOrder?: (topic: string) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How many messages are on their way at a time, if the broker allows as many. */
const WINDOW = 64;

/** How many messages are read from the journal at a time. */
const PAGE = 64;

/** How long a delivery may be known in memory only: a crash means that it is repeated. */
const REMEMBER_AFTER_MS = 100;

/** How many messages that cannot be stored may wait in memory. */
const MAX_UNSTORED = 1_000;

/** A message on its way; without a number when the journal could not take it. */
type Outgoing = Message & Partial<Pending>;

/** Delivers the journal's messages. */
export class Outbox {
  readonly #options: OutboxOptions;
  /** Messages to be published next; with `#backlog` there are more in the journal behind them. */
  #queue: Pending[] = [];
  #backlog = true;
  #lastQueued = 0;
  /** Messages that the journal could not take: they are tried once. */
  readonly #unstored: Outgoing[] = [];
  /** Those on their way. */
  readonly #inFlight: Outgoing[] = [];
  readonly #refusals: RefusedMessages;
  /** Counts connections: what belonged to an earlier one is published again anyway. */
  #connection = 0;
  /** Those delivered, which the journal does not know yet. */
  #delivered: Pending[] = [];
  #remembering = false;
  readonly #closing = new AbortController();
  #waiting: (() => void)[] = [];

  /** Makes an outbox that delivers once `connected()` is called. */
  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#refusals = new RefusedMessages({ ...options, retry: () => this.#startOver() });
  }

  /** Remembers a message and sends it on its way. */
  post(message: Message): void {
    const { store, publisher, logger } = this.#options;
    try {
      this.send([store.post(message)]);
    } catch (error) {
      // A full disk. The answer still has a fair chance to get there.
      logger.error(`Cannot store a message: ${messageOf(error)}; sending it without a second try`);
      if (!publisher.connected) return this.#lose(message, "there is no connection");
      if (this.#unstored.length === MAX_UNSTORED) return this.#lose(message, "too many wait");
      this.#unstored.push(message);
      this.#publish();
    }
  }

  /** Sends messages on their way that are in the journal already. */
  send(messages: readonly Pending[]): void {
    // An answer that is owed again does not count as delivered because it was before.
    const owed = new Set(messages.map(({ seq }) => seq));
    this.#delivered = this.#delivered.filter(({ seq }) => !owed.has(seq));
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
    this.#inFlight.length = 0;
    this.#refusals.clear();
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
        this.#rememberDelivered();
        const left = store.pendingCount();
        const isRefused = left <= this.#refusals.count + this.#heldBack;
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

  /** Writes down what was delivered. What is delivered later is not remembered any more. */
  close(): void {
    this.#rememberDelivered();
    this.#refusals.clear();
    this.#closing.abort();
  }

  #startOver(): void {
    this.#rememberDelivered();
    this.#queue = [];
    this.#backlog = true;
    this.#lastQueued = 0;
    this.#publish();
  }

  #publish(): void {
    const { publisher } = this.#options;
    const window = Math.min(WINDOW, publisher.receiveMaximum);
    while (publisher.connected && this.#inFlight.length < window) {
      const message = this.#unstored.shift() ?? this.#next();
      if (message === undefined) return;
      this.#inFlight.push(message);
      this.#deliver(message, this.#connection);
    }
  }

  #next(): Pending | undefined {
    for (;;) {
      const index = this.#queue.findIndex((message) => this.#isFree(message));
      if (index !== -1) return this.#queue.splice(index, 1)[0];
      if (!this.#backlog) return undefined;
      const page = this.#options.store.pending(this.#lastQueued, PAGE);
      this.#backlog = page.length === PAGE;
      this.#lastQueued = page.at(-1)?.seq ?? this.#lastQueued;
      const inFlight = new Set(this.#inFlight.map(({ seq }) => seq));
      this.#queue.push(...page.filter(({ seq }) => !inFlight.has(seq)));
    }
  }

  /** Whether a message need not wait for another. */
  #isFree(message: Pending): boolean {
    const { topic } = message;
    if (!this.#options.inOrder?.(topic)) return true;
    const isOnTopic = (other: Outgoing) => other.topic === topic;
    if (this.#inFlight.some(isOnTopic) || this.#refusals.isBefore(message)) return false;
    if (this.#delivered.some(isOnTopic)) this.#rememberDelivered();
    return !this.#delivered.some(isOnTopic);
  }

  /** How many messages wait behind one that is refused. */
  get #heldBack(): number {
    const { inOrder } = this.#options;
    return this.#queue.filter((message) =>
      inOrder?.(message.topic) && this.#refusals.isBefore(message)
    ).length;
  }

  async #deliver(message: Outgoing, connection: number): Promise<void> {
    const { publisher } = this.#options;
    try {
      await publisher.publish(message.topic, message.payload);
      if (isPending(message)) {
        this.#refusals.remove(message);
        this.#delivered.push(message);
        this.#rememberSoon();
      }
    } catch (error) {
      if (!isPending(message)) this.#lose(message, messageOf(error));
      // What a lost connection took with it is in the journal, where the next one begins.
      else if (connection === this.#connection && publisher.connected) {
        const what = `Cannot publish on ${quoted(message.topic)}: ${messageOf(error)}`;
        this.#refusals.add(message, what);
      }
    }
    if (connection !== this.#connection) return;
    this.#inFlight.splice(this.#inFlight.indexOf(message), 1);
    this.#publish();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #lose({ topic }: Message, why: string): void {
    this.#options.logger.error(`Cannot publish on ${quoted(topic)}: ${why}`);
  }

  #rememberSoon(): void {
    if (this.#remembering) return;
    this.#remembering = true;
    this.#options.clock.sleep(REMEMBER_AFTER_MS, this.#closing.signal)
      .then(() => {
        this.#rememberDelivered();
        this.#publish();
      }, () => {});
  }

  #rememberDelivered(): void {
    this.#remembering = false;
    if (this.#delivered.length === 0) return;
    try {
      this.#options.store.delivered(this.#delivered.map(({ seq }) => seq));
      this.#delivered = [];
    } catch (error) {
      this.#options.logger.warn(`Cannot remember deliveries: ${messageOf(error)}; trying again`);
      this.#rememberSoon();
    }
  }
}

function isPending(message: Outgoing): message is Pending {
  return message.seq !== undefined;
}
