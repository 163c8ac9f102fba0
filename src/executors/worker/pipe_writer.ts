/**
 * Writes lines into a pipe without ever waiting for whoever reads it.
 *
 * @module
 */
import * as fs from "node:fs";
import { type Clock, isAbort } from "../../time.ts";

/** How often the node tries again while a pipe is full. */
const RETRY_MS = 10;

/** What happens to a line on its way. */
export interface LineEvents {
  /** It is about to be written into this pipe. When this throws, it is not, and `failed` is called. */
  writing?(pipe: number): void;
  /** It is in the pipe. */
  written?(): void;
  /** It is given up. */
  failed?(error: unknown): void;
}

/** A line on its way. */
interface Waiting {
  readonly bytes: Uint8Array;
  readonly events: LineEvents;
}

/** Writes lines into a pipe, which may be opened later. */
export class PipeWriter {
  readonly #clock: Clock;
  readonly #queue: Waiting[] = [];
  readonly #closing = new AbortController();
  #pipe: number | undefined;
  #isWriting = false;

  /** Begins without a pipe: lines wait for it. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Writes into this pipe from now on. It does not block. */
  open(pipe: number): void {
    this.#pipe = pipe;
    void this.#write();
  }

  /** Adds a line of at most PIPE_BUF bytes. */
  send(line: string, events: LineEvents = {}): void {
    this.#queue.push({ bytes: new TextEncoder().encode(line), events });
    void this.#write();
  }

  /** Closes the pipe. */
  close(): void {
    this.#closing.abort();
    if (this.#pipe !== undefined) fs.closeSync(this.#pipe);
    this.#pipe = undefined;
  }

  /** Never rejects: a pipe that nobody reads belongs to a process that has ended. */
  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
        if (this.#pipe === undefined) return;
        const { bytes, events } = next;
        try {
          events.writing?.(this.#pipe);
        } catch (error) {
          this.#queue.shift();
          events.failed?.(error);
          continue;
        }
        if (writeWhole(this.#pipe, bytes)) {
          this.#queue.shift();
          events.written?.();
        } else {
          await this.#clock.sleep(RETRY_MS, this.#closing.signal);
        }
      }
    } catch (error) {
      if (!isAbort(error, this.#closing.signal) && !isBroken(error)) throw error;
    } finally {
      this.#isWriting = false;
    }
  }
}

/** Writes a line no longer than PIPE_BUF, all or nothing. Returns whether there was room. */
function writeWhole(pipe: number, line: Uint8Array): boolean {
  try {
    fs.writeSync(pipe, line);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return false;
    throw error;
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}
