/**
 * Output as lines that may be shown.
 *
 * @module
 */
import { stripVTControlCharacters } from "node:util";
import { cutBeforeSecret } from "../log.ts";

/** A longer line is shown in pieces, so that one without end needs no memory. */
const MAX_LINE = 8 * 1024;

/** Cuts text that arrives in pieces into lines. */
export class LineSplitter {
  readonly #show: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** Makes a splitter that hands each line to `show`. */
  constructor(show: (line: string) => void) {
    this.#show = show;
  }

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) this.#line(this.#shorten(line));
    this.#rest = this.#shorten(this.#rest);
  }

  /** Shows a last line that has no line break. */
  end(): void {
    if (this.#rest !== "") this.#line(this.#rest);
    this.#rest = "";
  }

  /** What is left of a line when its first pieces are shown. */
  #shorten(line: string): string {
    while (line.length > MAX_LINE) {
      const end = cutBeforeSecret(line, MAX_LINE) || MAX_LINE;
      this.#line(line.slice(0, end));
      line = line.slice(end);
    }
    return line;
  }

  #line(line: string): void {
    // A progress bar writes over itself: its last state is what a terminal would show.
    const ended = line.replace(/\r+$/, "");
    this.#show(stripVTControlCharacters(ended.slice(ended.lastIndexOf("\r") + 1)));
  }
}
