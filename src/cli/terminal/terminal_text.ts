/**
 * What a workload prints, as a terminal may show it.
 *
 * @module
 */
import { stripVTControlCharacters } from "node:util";
import { printable } from "../../log.ts";

/** What a progress bar needs to write over its own line, and the end of that. */
// deno-lint-ignore no-control-regex
const KEPT = /(\r|\n|\x08|\x1b\[[0-2]?K)/;

/** The beginning of an escape sequence whose end is still to come. */
// deno-lint-ignore no-control-regex
const INCOMPLETE = /\x1b(\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?)?$/;

/** Longer than any escape sequence that a program has a use for. */
const MAX_SEQUENCE = 4096;

/**
 * Makes output harmless as it comes. A progress bar may write over its own line, as it does in the
 * terminal that the workload does not have; nothing moves the cursor anywhere else.
 */
export class TerminalText {
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** What of the next bytes, and of those held back before, may be shown now. */
  push(bytes: Uint8Array): string {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const incomplete = INCOMPLETE.exec(text)?.[0] ?? "";
    this.#rest = incomplete.length > MAX_SEQUENCE ? "" : incomplete;
    return harmless(text.slice(0, text.length - this.#rest.length));
  }

  /** What was held back when nothing more comes. */
  end(): string {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = "";
    return harmless(rest);
  }
}

function harmless(text: string): string {
  return text.split(KEPT)
    .map((part, index) => index % 2 === 1 ? part : printable(stripVTControlCharacters(part)))
    .join("");
}
