/**
 * The node's own log lines until they are sent: a bounded number of them, the latest.
 *
 * @module
 */
import { byteLength } from "./log_lines.ts";

/** What bounds a {@linkcode LineBuffer}. */
export interface LineBufferLimits {
  /** How many lines are kept. Default 10,000. */
  readonly maxLines?: number;
  /** How many bytes these take in UTF-8. Default 4 MiB. */
  readonly maxBytes?: number;
}

/** A longer line is kept only up to here, in characters. */
const MAX_LINE = 16 * 1024;

interface BufferedLine {
  readonly text: string;
  readonly size: number;
}

/** Lines, of which the oldest are dropped and counted when there are too many. */
export class LineBuffer {
  readonly #maxLines: number;
  readonly #maxBytes: number;
  readonly #lines: BufferedLine[] = [];
  #bytes = 0;
  #dropped = 0;

  /** Makes an empty one. */
  constructor({ maxLines = 10_000, maxBytes = 4 * 1024 * 1024 }: LineBufferLimits = {}) {
    this.#maxLines = maxLines;
    this.#maxBytes = maxBytes;
  }

  /** Whether there is no line. */
  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /** Adds a line. */
  add(line: string): void {
    const text = line.length <= MAX_LINE ? `${line}\n` : `${line.slice(0, MAX_LINE)}…\n`;
    const buffered = bufferedLine(text);
    this.#lines.push(buffered);
    this.#bytes += buffered.size;
    while (this.#lines.length > this.#maxLines || this.#bytes > this.#maxBytes) {
      this.#shift();
      this.#dropped++;
    }
  }

  /**
   * Takes lines out, oldest first, as many as have at most `limit` bytes, under a line that says how
   * many were dropped before them. `undefined`: there is none.
   */
  take(limit: number): string | undefined {
    if (this.#lines.length === 0 && this.#dropped === 0) return undefined;
    let text = this.#dropped === 0 ? "" : `[${this.#dropped} lines dropped]\n`;
    this.#dropped = 0;
    for (let size = byteLength(text); this.#lines.length > 0;) {
      size += this.#lines[0].size;
      if (size > limit) break;
      text += this.#shift().text;
    }
    return text;
  }

  /** Puts lines that were taken out back to where they were. */
  putBack(text: string): void {
    const lines = text.split("\n").slice(0, -1).map((line) => bufferedLine(`${line}\n`));
    this.#lines.unshift(...lines);
    this.#bytes += lines.reduce((sum, { size }) => sum + size, 0);
  }

  #shift(): BufferedLine {
    const line = this.#lines.shift()!;
    this.#bytes -= line.size;
    return line;
  }
}

function bufferedLine(text: string): BufferedLine {
  return { text, size: byteLength(text) };
}
