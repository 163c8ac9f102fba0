/**
 * Reads a shell command as bash does, as far as needed to know where placeholders stand.
 *
 * @module
 */

import { findPlaceholders, PLACEHOLDER } from "./placeholders.ts";

/** A change to a template that helps to free a placeholder. Never adds or removes lines. */
export interface Edit {
  /** Where it starts. */
  readonly at: number;
  /** How many characters go. */
  readonly remove: number;
  /** What comes instead. */
  readonly insert: string;
}

/** A placeholder where the shell does not read plain words. */
export interface Misplaced {
  /** Where it starts. */
  readonly index: number;
  /** What it looks like: `{body}`. */
  readonly placeholder: string;
  /** What it stands in: `inside double quotes`. */
  readonly where: string;
  /** What would free it; nothing when that is not a matter of a few characters. */
  readonly edits: readonly Edit[];
}

/** The placeholders in `command` that do not stand where the shell reads plain words. */
export function misplacedPlaceholders(command: string): Misplaced[] {
  return new Reader(command).read();
}

/**
 * A stretch of the command with rules of its own. Commands are read in the first three; `expansion`
 * is `${...}`, and `group` is a parenthesis in arithmetic.
 */
type RegionKind =
  | "command"
  | "subshell"
  | "substitution"
  | "double quotes"
  | "expansion"
  | "arithmetic"
  | "group";

interface Region {
  kind: RegionKind;
  readonly edits: Edit[];
}

interface HereDocument {
  readonly delimiter: string;
  readonly indented: boolean;
}

const WHERE: Partial<Record<RegionKind, string>> = {
  "double quotes": "inside double quotes",
  "expansion": "inside ${...}",
  "arithmetic": "inside ((...))",
};

class Reader {
  readonly #text: string;
  readonly #found: Misplaced[] = [];
  readonly #regions: Region[] = [{ kind: "command", edits: [] }];
  #hereDocuments: HereDocument[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Misplaced[] {
    while (this.#at < this.#text.length) this.#readNext();
    return this.#found;
  }

  get #region(): Region {
    return this.#regions.at(-1)!;
  }

  get #readsCommands(): boolean {
    return ["command", "subshell", "substitution"].includes(this.#region.kind);
  }

  #readNext(): void {
    const placeholder = this.#match(PLACEHOLDER);
    if (placeholder !== undefined) return this.#readPlaceholder(placeholder);
    switch (this.#text[this.#at]) {
      case "\\":
        return this.#readBackslash();
      case "'":
        return this.#hasSingleQuotes()
          ? this.#readQuotation(/'[^']*'?/y, "inside single quotes")
          : this.#skip(1);
      case '"':
        return this.#region.kind === "double quotes"
          ? this.#close(1)
          : this.#open("double quotes", 1);
      case "`":
        // Whatever it is quoted with, a backquote in the params would end the backquotes.
        return this.#readQuotation(/`(\\.|[^`\\])*`?/sy, "inside backquotes", ["$(", ")"]);
      case "$":
        return this.#readDollar();
      case "}":
        return this.#region.kind === "expansion" ? this.#close(1) : this.#skip(1);
      case "(":
      case ")":
        return this.#region.kind === "double quotes" ? this.#skip(1) : this.#readParenthesis();
    }
    if (this.#readsCommands) this.#readCommandCharacter();
    else this.#skip(1);
  }

  #readPlaceholder(placeholder: string): void {
    const misplaced = this.#misplacement();
    if (misplaced) this.#report(placeholder, ...misplaced);
    this.#skip(placeholder.length);
  }

  /** What is wrong with a placeholder right here, and the edits that would free it. */
  #misplacement(): [where: string, edits: readonly Edit[]] | undefined {
    for (const { kind, edits } of this.#regions.toReversed()) {
      if (kind === "command" || kind === "substitution") return undefined;
      const where = WHERE[kind];
      if (where) return [where, edits];
    }
    return undefined;
  }

  #readBackslash(): void {
    const placeholder = this.#match(PLACEHOLDER, this.#at + 1);
    if (placeholder === undefined) return this.#skip(2);
    this.#report(placeholder, "after a backslash", [{ at: this.#at, remove: 1, insert: "" }]);
    this.#skip(1);
  }

  #readDollar(): void {
    const placeholder = this.#match(PLACEHOLDER, this.#at + 1);
    if (placeholder !== undefined) {
      this.#report(placeholder, "after $", [{ at: this.#at, remove: 1, insert: "" }]);
      return this.#skip(1);
    }
    if (this.#match(/\$\(\(/y)) return this.#open("arithmetic", 3);
    if (this.#match(/\$\(/y)) return this.#open("substitution", 2);
    if (this.#match(/\$\{/y)) return this.#open("expansion", 2);
    if (this.#match(/\$'/y) && this.#hasSingleQuotes()) {
      return this.#readQuotation(/\$'(\\.|[^'\\])*'?/sy, "inside single quotes");
    }
    this.#skip(1);
  }

  /** Whether `'` starts a quotation here: between double quotes it is an ordinary character. */
  #hasSingleQuotes(): boolean {
    return this.#regions.findLast(({ kind }) => kind !== "expansion")?.kind !== "double quotes";
  }

  /** Reads quotes that hide everything in them. `ends` would have to stand in their place. */
  #readQuotation(pattern: RegExp, where: string, ends = ["", ""]): void {
    const quotation = this.#match(pattern)!;
    const opening = quotation.startsWith("$") ? 2 : 1;
    const closed = quotation.length > opening && quotation.endsWith(quotation[opening - 1]!);
    const edits = [{ at: this.#at, remove: opening, insert: ends[0]! }];
    if (closed) edits.push({ at: this.#at + quotation.length - 1, remove: 1, insert: ends[1]! });
    this.#readLiteral(quotation, where, edits);
  }

  #readParenthesis(): void {
    const { kind } = this.#region;
    const inArithmetic = kind === "arithmetic" || kind === "group";
    if (this.#match(/\(/y)) {
      if (inArithmetic) return this.#open("group", 1);
      if (kind === "expansion") return this.#skip(1);
      return this.#match(/\(\(/y) ? this.#open("arithmetic", 2) : this.#open("subshell", 1);
    }
    if (kind === "arithmetic") {
      if (this.#match(/\)\)/y)) return this.#close(2);
      // It was a parenthesis within a parenthesis, not arithmetic.
      this.#region.kind = "subshell";
      return this.#skip(1);
    }
    if (["subshell", "substitution", "group"].includes(kind)) return this.#close(1);
    this.#skip(1);
  }

  #readCommandCharacter(): void {
    const here = this.#match(/<<-?[ \t]*(?=['"\\\w])(\\.|'[^']*'|"[^"]*"|[^\s;&|()<>'"\\])+/y);
    // A comment starts where a word does, whatever line continuations stand between.
    const comment = this.#match(/(?<=(^|(?<!\\)[\s;&|()])(\\\n)*)#[^\n]*/y);
    if (this.#match(/<<</y)) this.#skip(3);
    else if (here) this.#expectHereDocument(here);
    else if (comment) this.#skip(comment.length);
    else if (this.#match(/\n/y)) this.#readLineEnd();
    else this.#skip(1);
  }

  #expectHereDocument(operator: string): void {
    const delimiter = operator.replace(/^<<-?[ \t]*/, "").replace(/['"\\]/g, "");
    this.#hereDocuments.push({ delimiter, indented: operator.startsWith("<<-") });
    this.#skip(operator.length);
  }

  #readLineEnd(): void {
    this.#skip(1);
    for (const { delimiter, indented } of this.#hereDocuments) {
      const lines = this.#text.slice(this.#at).split("\n");
      const end = lines.findIndex((line) =>
        (indented ? line.replace(/^\t+/, "") : line) === delimiter
      );
      const body = lines.slice(0, end === -1 ? lines.length : end + 1).join("\n");
      this.#readLiteral(body, "inside a here-document", []);
    }
    this.#hereDocuments = [];
  }

  /** Reads text in which nothing is special to the shell but its end. */
  #readLiteral(text: string, where: string, edits: readonly Edit[]): void {
    for (const { index, text: placeholder } of findPlaceholders(text)) {
      this.#report(placeholder, where, edits, this.#at + index);
    }
    this.#skip(text.length);
  }

  #report(placeholder: string, where: string, edits: readonly Edit[], index = this.#at): void {
    this.#found.push({ index, placeholder, where, edits });
  }

  #open(kind: RegionKind, length: number): void {
    this.#regions.push({ kind, edits: [] });
    if (kind === "double quotes") this.#removeHere(length);
    this.#skip(length);
  }

  #close(length: number): void {
    if (this.#region.kind === "double quotes") this.#removeHere(length);
    this.#regions.pop();
    this.#skip(length);
  }

  /** Notes that freeing a placeholder in this region takes removing its end that is here. */
  #removeHere(length: number): void {
    this.#region.edits.push({ at: this.#at, remove: length, insert: "" });
  }

  #skip(length: number): void {
    this.#at += length;
  }

  #match(pattern: RegExp, at: number = this.#at): string | undefined {
    pattern.lastIndex = at;
    return pattern.exec(this.#text)?.[0];
  }
}
