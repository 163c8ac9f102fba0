/**
 * The messages to be published next, of which only so many are in memory: the journal has the rest.
 *
 * @module
 */
import type { PageLimit, Pending } from "../journal/messages.ts";

/** Where messages are read. */
export interface PendingMessages {
  /** A page of the undelivered messages after number `after`, oldest first. */
  pending(after: number, limit: PageLimit): Pending[];
}

/** How much is read at a time. */
const PAGE = { messages: 64, bytes: 8 * 1024 * 1024 };

/** How much may be in memory where messages wait for one another. */
const MAX_BYTES = 4 * PAGE.bytes;

/** The messages to be published next. */
export class Backlog {
  readonly #store: PendingMessages;
  #queue: Pending[] = [];
  #bytes = 0;
  /** What the journal has up to this number was read. */
  #readTo = 0;
  /** Whether the journal may have more behind it. */
  #hasMore = true;

  /** Begins with all that is in the journal. */
  constructor(store: PendingMessages) {
    this.#store = store;
  }

  /** Starts over with all that is undelivered. */
  rewind(): void {
    this.#queue = [];
    this.#bytes = 0;
    this.#readTo = 0;
    this.#hasMore = true;
  }

  /** Adds messages that are in the journal, new ones or some to be sent again. */
  add(messages: readonly Pending[]): void {
    for (const message of messages) {
      const isNew = message.seq > this.#readTo;
      if (isNew && (this.#hasMore || !this.#hasRoomFor(message))) {
        // It is read when those before it are.
        this.#hasMore = true;
        continue;
      }
      if (this.#queue.some(({ seq }) => seq === message.seq)) continue;
      if (!this.#hasRoomFor(message)) return this.rewind();
      this.#readTo = Math.max(this.#readTo, message.seq);
      this.#push(message);
    }
  }

  /** Takes out the first message that is free to go. What `hasPassed` by its number is left out. */
  next(
    isFree: (message: Pending) => boolean,
    hasPassed: (seq: number) => boolean,
  ): Pending | undefined {
    for (;;) {
      const index = this.#queue.findIndex(isFree);
      if (index !== -1) {
        const [message] = this.#queue.splice(index, 1);
        this.#bytes -= message.payload.length;
        return message;
      }
      if (!this.#hasMore || this.#bytes > MAX_BYTES) return undefined;
      const page = this.#store.pending(this.#readTo, PAGE);
      this.#hasMore = page.length > 0;
      this.#readTo = page.at(-1)?.seq ?? this.#readTo;
      for (const message of page) if (!hasPassed(message.seq)) this.#push(message);
    }
  }

  /** How many of those in memory are such. */
  count(isSuch: (message: Pending) => boolean): number {
    return this.#queue.filter(isSuch).length;
  }

  #push(message: Pending): void {
    this.#queue.push(message);
    this.#bytes += message.payload.length;
  }

  #hasRoomFor({ payload }: Pending): boolean {
    const { length } = this.#queue;
    return length === 0 ||
      (length < PAGE.messages && this.#bytes + payload.length <= PAGE.bytes);
  }
}
