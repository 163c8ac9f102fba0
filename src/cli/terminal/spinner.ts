/**
 * A line on a terminal that shows what is awaited, and for how long.
 *
 * @module
 */
import type { Progress } from "../../protocol/progress.ts";
import { duration } from "./layout.ts";
import { progressLine } from "./progress_bar.ts";
import { harmless, isTerminal, terminalWidth, write } from "./terminal.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const INTERVAL_MS = 100;
const CLEAR_LINE = "\r\x1b[K";

/** A line on standard error that is redrawn. Nothing if that is not a terminal. */
export class Spinner implements Disposable {
  readonly #since = Date.now();
  readonly #isShown = isTerminal("stderr");
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #text: string;
  #progress: Progress | undefined;
  #frame = 0;
  #isDrawn = false;
  /** Whether it must not be drawn now: something else stands in the line. */
  isHeld = false;

  /** Begins to show it. */
  constructor(text: string) {
    this.#text = text;
    if (this.#isShown) this.#timer = setInterval(() => this.#draw(), INTERVAL_MS);
  }

  /** Whether it is shown. */
  get isShown(): boolean {
    return this.#isShown;
  }

  /** Changes its text. */
  say(text: string): void {
    this.#text = text;
  }

  /** Shows progress from now on, instead of the text. */
  show(progress: Progress): void {
    this.#progress = progress;
  }

  /** Takes the line away until it is drawn again, so that something else can be written. */
  clear(): void {
    if (this.#isDrawn) write("stderr", new TextEncoder().encode(CLEAR_LINE));
    this.#isDrawn = false;
  }

  /** Ends it. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.clear();
  }

  #draw(): void {
    if (this.isHeld) return;
    this.#isDrawn = true;
    const elapsed = duration(Date.now() - this.#since);
    const frame = FRAMES[this.#frame++ % FRAMES.length];
    const columns = terminalWidth();
    const room = columns - elapsed.length - 4;
    const text = this.#progress === undefined ? this.#text : progressLine(this.#progress, room);
    const line = harmless(`${frame} ${text} ${elapsed}`).replaceAll("\n", " ");
    write("stderr", new TextEncoder().encode(CLEAR_LINE + fit(line, columns)));
  }
}

/** A line that is wider than the terminal would be drawn below itself each time. */
function fit(line: string, columns: number): string {
  return line.length < columns ? line : `${line.slice(0, columns - 2)}…`;
}
