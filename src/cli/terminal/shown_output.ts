/**
 * What a workload printed, on its way to the user.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { OutputStream, WorkloadFolder } from "../../workloads/folder.ts";
import { hasOutput, readOutputAt } from "../../workloads/output.ts";
import { isTerminal, type Stream, write } from "./terminal.ts";
import { TerminalText } from "./terminal_text.ts";

const LINE_BREAK = 0x0a;

/** A stream of output on its way to the user: as it is for a program, harmless for a terminal. */
export class ShownOutput {
  readonly #folder: WorkloadFolder;
  /** Which stream it is. */
  readonly stream: OutputStream;
  readonly #to: Stream;
  readonly #terminal: TerminalText | undefined;
  readonly #isStamped: boolean;
  #isInLine = false;
  #position = 0;
  #exists = false;

  /** Shows a stream of a workload from its beginning; `isStamped`: with a time before each line. */
  constructor(folder: WorkloadFolder, from: OutputStream, to: Stream, isStamped = false) {
    this.#folder = folder;
    this.stream = from;
    this.#isStamped = isStamped;
    this.#to = to;
    this.#terminal = isTerminal(to) ? new TerminalText() : undefined;
  }

  /** Whether its file was there. */
  get exists(): boolean {
    return this.#exists;
  }

  /** Whether what was shown last ends within a line. */
  get isInLine(): boolean {
    return this.#isInLine;
  }

  /** How many bytes were shown. */
  get position(): number {
    return this.#position;
  }

  /** Passes over what comes before a position. */
  skipTo(position: number): void {
    this.#position = position;
  }

  /**
   * Shows what is new, up to a position. Calls `before` first, if there is anything. `at` is when it
   * was seen.
   */
  show(end = Infinity, before: () => void = () => {}, at = Date.now()): void {
    this.#exists ||= hasOutput(this.#folder, this.stream);
    const buffer = new Uint8Array(64 * 1024);
    while (this.#position < end) {
      const room = buffer.subarray(0, Math.min(buffer.length, end - this.#position));
      const bytes = readOutputAt(this.#folder, this.stream, this.#position, room);
      if (bytes.length === 0) return;
      before();
      this.#position += bytes.length;
      const shown = this.#isStamped ? this.#stamp(bytes, at) : bytes;
      this.#isInLine = bytes.at(-1) !== LINE_BREAK;
      if (this.#terminal === undefined) write(this.#to, shown);
      else this.#write(this.#terminal.push(shown));
    }
  }

  /** Shows what was held back of a last line. */
  end(): void {
    if (this.#terminal !== undefined) this.#write(this.#terminal.end());
  }

  /** The same bytes with a time before each line that begins in them. */
  #stamp(bytes: Uint8Array, at: number): Uint8Array {
    const stamp = Buffer.from(`${new Date(at).toISOString()} `);
    const pieces: Uint8Array[] = [];
    for (let start = 0; start < bytes.length;) {
      const lineBreak = bytes.indexOf(LINE_BREAK, start);
      const end = lineBreak === -1 ? bytes.length : lineBreak + 1;
      if (start > 0 || !this.#isInLine) pieces.push(stamp);
      pieces.push(bytes.subarray(start, end));
      start = end;
    }
    return Buffer.concat(pieces);
  }

  #write(text: string): void {
    write(this.#to, new TextEncoder().encode(text));
  }
}
