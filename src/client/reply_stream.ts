/**
 * Replies as a sequence that can be iterated.
 *
 * @module
 */
import type { CommandReply } from "./command_reply.ts";

/** The replies that come from now on, until it is ended. */
export class ReplyStream implements AsyncIterableIterator<CommandReply, undefined> {
  readonly #onReturn: (stream: ReplyStream) => void;
  readonly #replies: CommandReply[] = [];
  #more = Promise.withResolvers<void>();
  #isEnded = false;

  /** Calls `onReturn` when nobody takes any more. */
  constructor(onReturn: (stream: ReplyStream) => void) {
    this.#onReturn = onReturn;
  }

  /** Adds a reply. */
  push(reply: CommandReply): void {
    this.#replies.push(reply);
    this.#wake();
  }

  /** Ends it, once what has come is taken. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** The next reply. */
  async next(): Promise<IteratorResult<CommandReply, undefined>> {
    for (;;) {
      const value = this.#replies.shift();
      if (value !== undefined) return { value };
      if (this.#isEnded) return { value: undefined, done: true };
      await this.#more.promise;
    }
  }

  /** Takes no more. */
  return(): Promise<IteratorResult<CommandReply, undefined>> {
    this.end();
    this.#onReturn(this);
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }
}
