/** An outbox, and the network it sends to in the hands of a test. */
import { Outbox, type OutboxStore, type Publisher } from "../../src/outbox/outbox.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { UnacknowledgedError } from "../../src/mqtt/awaited_answers.ts";
import { CLOSED_WITHOUT_REASON, type Failure } from "../../src/mqtt/failure.ts";
import { Inbox } from "./events.ts";
import { message, TestJournal } from "./journal.ts";

/** A message on its way. */
export interface Publication {
  readonly topic: string;
  readonly text: string;
  acknowledge(): void;
  fail(why: string | Error): void;
}

/** The network: takes publications, and lets the test decide what becomes of them. */
export class FakeBroker implements Publisher {
  connected = false;
  receiveMaximum = 65_535;
  readonly published = new Inbox<Publication>();
  /** Whether publications are acknowledged at once. */
  acknowledging = false;

  publish(topic: string, payload: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.published.push({
      topic,
      text: new TextDecoder().decode(payload),
      acknowledge: resolve,
      fail: (why) => reject(typeof why === "string" ? new Error(why) : why),
    });
    if (this.acknowledging) resolve();
    return promise;
  }

  /** What was published so far, in order. */
  get texts(): string[] {
    return this.published.all.map(({ text }) => text);
  }
}

/** An outbox between a real journal and a broker that does what the test says. */
export class OutboxHarness implements Disposable {
  readonly #journal = new TestJournal();
  readonly clock = this.#journal.clock;
  readonly logger = this.#journal.logger;
  readonly broker = new FakeBroker();
  readonly outbox: Outbox;

  constructor(store?: (journal: Journal) => Partial<OutboxStore>) {
    const { journal } = this.#journal;
    const overrides = store?.(journal);
    this.outbox = new Outbox({
      store: {
        post: (posted) => journal.messages.post(posted),
        pending: (after, limit) => journal.messages.pending(after, limit),
        pendingCount: () => journal.messages.pendingCount(),
        delivered: (seqs) => journal.messages.delivered(seqs),
        ...overrides,
      },
      publisher: this.broker,
      clock: this.clock,
      logger: this.logger,
      inOrder: (topic) => topic.endsWith("/in order"),
      mayBeRefused: (topic) => topic === "a stranger's",
    });
  }

  /** What the outbox remembers. */
  get journal(): Journal {
    return this.#journal.journal;
  }

  /** Posts messages on one topic. */
  post(...texts: string[]): void {
    for (const text of texts) this.outbox.post(message(text));
  }

  /** Connects, anew if need be. */
  connect(): void {
    this.broker.connected = true;
    this.outbox.connected();
  }

  /** Loses the connection, and with it what was on its way. */
  disconnect(why: string | Error = "the connection was lost"): void {
    this.broker.connected = false;
    for (const { fail } of this.broker.published.all) fail(why);
  }

  /** Has the broker close the connection over what it was sent, and connects anew. */
  async closeOver(failure: Failure = CLOSED_WITHOUT_REASON): Promise<void> {
    this.disconnect(new UnacknowledgedError(failure));
    await this.settle();
    this.connect();
  }

  /** Lets everything that is ready run. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  /** Lets everything that was acknowledged be written down. */
  async remembered(): Promise<void> {
    await this.settle();
    await this.clock.advance(100);
  }

  [Symbol.dispose](): void {
    this.outbox.close();
    this.#journal[Symbol.dispose]();
  }
}
