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
  /** Whether the last line, which has no end yet, has written over itself. */
  #isRewritten = false;

  /** Makes a splitter that hands each line to `show`. */
  constructor(show: (line: string) => void) {
    this.#show = show;
  }

  /** The latest state of a last line that writes over itself, as a progress bar does. */
  get rewritten(): string | undefined {
    return this.#isRewritten ? shown(this.#rest) : undefined;
  }

  /** Whether the last line has no end yet. */
  get isInLine(): boolean {
    return this.#rest !== "";
  }

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    if (lines.length > 1) this.#isRewritten = false;
    this.#rest = lines.pop()!;
    for (const line of lines) this.#line(this.#shorten(line));
    this.#isRewritten ||= this.#rest.includes("\r");
    this.#rest = this.#shorten(lastState(this.#rest));
  }

  /** Shows a last line that has no line break. */
  end(): void {
    if (this.#rest !== "") this.#line(this.#rest);
    this.#rest = "";
    this.#isRewritten = false;
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
    this.#show(shown(line));
  }
}

/**
 * The last state of a line that writes over itself, as a terminal would show it. Returns at its end
 * stay: a line break may follow.
 */
function lastState(line: string): string {
  const ended = line.replace(/\r+$/, "");
  return line.slice(ended.lastIndexOf("\r") + 1);
}

function shown(line: string): string {
  return stripVTControlCharacters(lastState(line).replace(/\r+$/, ""));
}
