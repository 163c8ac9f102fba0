/**
 * The output of a child process, read until the child has ended: a process that it left running may
 * hold its pipe for ever.
 *
 * @module
 */
import type { Clock } from "../time.ts";
import { LineSplitter } from "../workloads/line_splitter.ts";

/**
 * What a child wrote is in the pipe when it ends: after this much silence all of it has been read.
 */
const SILENCE_MS = 250;

/** How long the pipe is read after the end if another process keeps writing to it. */
const MAX_DRAIN_MS = 2_000;

/** A stream of output, shown line by line. */
export class ChildOutput {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #lines: LineSplitter;
  readonly #read: Promise<void>;
  #hasEnded = false;
  #news = Promise.withResolvers<void>();

  /** Starts reading. */
  constructor(stream: ReadableStream<Uint8Array>, show: (line: string) => void) {
    this.#reader = stream.getReader();
    this.#lines = new LineSplitter(show);
    this.#read = this.#readAll();
  }

  /** Whether it has ended: no process has it open. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Resolves when all output of a child that has ended is shown, even if another process holds the
   * stream.
   */
  async drain(clock: Clock): Promise<void> {
    const deadline = clock.monotonic() + MAX_DRAIN_MS;
    while (!this.#hasEnded && clock.monotonic() < deadline && await this.#hasNews(clock));
  }

  /** Stops showing output. */
  async close(): Promise<void> {
    await this.#reader.cancel();
    await this.#read;
  }

  /** Whether output, or its end, comes before the silence is over. */
  async #hasNews(clock: Clock): Promise<boolean> {
    const done = new AbortController();
    const silence = clock.sleep(SILENCE_MS, done.signal).then(() => false, () => true);
    const hasNews = await Promise.race([this.#news.promise.then(() => true), silence]);
    done.abort();
    return hasNews;
  }

  async #readAll(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      this.#lines.push(value);
      this.#news.resolve();
      this.#news = Promise.withResolvers();
    }
    this.#lines.end();
    this.#hasEnded = true;
    this.#news.resolve();
  }
}
