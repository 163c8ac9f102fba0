/**
 * What the user sees: results on standard output, the rest on standard error, colour and harmless
 * characters on a terminal.
 *
 * @module
 */
import { stripVTControlCharacters, styleText } from "node:util";
import { printable } from "../../log.ts";

/** Where text goes. */
export type Stream = "stdout" | "stderr";

/** A colour for a word. */
export type Color = "red" | "green" | "yellow" | "cyan" | "gray";

const encoder = new TextEncoder();

/** Prints a line of a result. Throws `BrokenPipe` when nobody reads it. */
export function print(line: string): void {
  write("stdout", encoder.encode(`${line}\n`));
}

/** Prints what is not a result to standard error, whether or not it is read. */
export function report(line: string): void {
  try {
    write("stderr", encoder.encode(`${line}\n`));
  } catch {
    // Nobody reads it any more.
  }
}

/** Writes all of `bytes`. */
export function write(stream: Stream, bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length;) {
    start += Deno[stream].writeSync(bytes.subarray(start));
  }
}

/** Whether a person looks at `stream`. */
export function isTerminal(stream: Stream): boolean {
  return Deno[stream].isTerminal();
}

/** How many characters fit into a line. */
export function terminalWidth(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

/** `text` in a colour where `stream` shows colours. */
export function paint(color: Color, text: string, stream: Stream = "stderr"): string {
  return isTerminal(stream) && !Deno.noColor ? styleText(color, text) : text;
}

/** Text from elsewhere as it may be shown: lines without anything that moves a cursor. */
export function harmless(text: string): string {
  return text.split("\n").map((line) => printable(stripVTControlCharacters(line))).join("\n");
}
