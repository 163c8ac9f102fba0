/**
 * JSON objects that stay text. What a message says is handed on exactly as its sender wrote it:
 * the digits of a 64-bit seed, `1e400`, the order of keys. Only the values that are asked for are
 * parsed.
 *
 * @module
 */
import { jsonTypeOf } from "./json.ts";
import { type Member, scanJson } from "./json_scanner.ts";

/** A JSON object as text. Never changes. Of members with the same name the last one counts. */
export class ObjectText {
  /** The object without members. */
  static readonly EMPTY: ObjectText = new ObjectText("{}");

  /** The JSON. */
  readonly text: string;
  #index: Index | undefined;
  /** Where `text` begins in the text that was indexed. */
  readonly #offset: number;

  private constructor(text: string, index?: Index, offset: number = 0) {
    this.text = text;
    this.#index = index;
    this.#offset = index === undefined ? 0 : offset;
  }

  /**
   * Checks `text`; `undefined`: it is JSON, but not an object.
   *
   * @throws {SyntaxError} when it is not JSON or nested too deeply, in the words of `scanJson()`
   */
  static parse(text: string): ObjectText | undefined {
    const index = indexOf(text);
    return jsonTypeOf(text) === "an object" ? new ObjectText(text, index) : undefined;
  }

  /** Whether there is a member called `name`. */
  has(name: string): boolean {
    return this.#values().has(name);
  }

  /** The names of the members. */
  names(): string[] {
    return [...this.#values().keys()];
  }

  /** The JSON of a member's value; `undefined`: there is no such member. */
  textOf(name: string): string | undefined {
    const value = this.#values().get(name);
    return value && this.text.slice(value.start - this.#offset, value.end - this.#offset);
  }

  /** A member's value, parsed; `undefined`: there is no such member. */
  get(name: string): unknown {
    const text = this.textOf(name);
    return text === undefined ? undefined : JSON.parse(text);
  }

  /** A member's value as text; `undefined`: there is no such member, or it is not an object. */
  object(name: string): ObjectText | undefined {
    const text = this.textOf(name);
    if (!text?.startsWith("{")) return undefined;
    const { start, members } = this.#values().get(name)!;
    return new ObjectText(text, members, start);
  }

  /** The object with `json` as the value of `name`: in the place of the old one, or at the end. */
  with(name: string, json: string): ObjectText {
    const member = `${JSON.stringify(name)}:${json}`;
    const [first, ...others] = this.#members(name, 1);
    if (first === undefined) {
      const end = this.text.lastIndexOf("}");
      const comma = this.#values().size === 0 ? "" : ",";
      return new ObjectText(`${this.text.slice(0, end)}${comma}${member}${this.text.slice(end)}`);
    }
    // The others stand behind the first, whose place is the same without them.
    const text = cut(this.text, others);
    return new ObjectText(text.slice(0, first.start) + member + text.slice(first.end));
  }

  /** The object without the members called `name`. */
  without(name: string): ObjectText {
    return new ObjectText(cut(this.text, this.#members(name, 1)));
  }

  /** The object without the members called `name` at any depth. */
  withoutNested(name: string): ObjectText {
    if (!this.#mayHold(name)) return this;
    return new ObjectText(cut(this.text, this.#members(name, Infinity)));
  }

  /** The values of the members called `name` at any depth, parsed. */
  nested(name: string): unknown[] {
    if (!this.#mayHold(name)) return [];
    return this.#members(name, Infinity).map(({ value, end }) =>
      JSON.parse(this.text.slice(value, end))
    );
  }

  #values(): Index {
    return this.#index ??= indexOf(this.text);
  }

  /** Where the members called `name` stand, down to `maxDepth`, from the first to the last. */
  #members(name: string, maxDepth: number): MemberSpan[] {
    const members: MemberSpan[] = [];
    scanJson(this.text, (member, depth) => {
      if (depth > maxDepth || nameOf(this.text, member) !== name) return;
      const { nameStart: start, valueStart: value, valueEnd: end } = member;
      members.push({ start, value, end });
    });
    return members.sort((a, b) => a.start - b.start);
  }

  /** A look that spares most texts a scan: `name`, of small letters, is as it is or has escapes. */
  #mayHold(name: string): boolean {
    return this.text.includes(name) || /\\u00[567]/.test(this.text);
  }
}

/** A piece of a text. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** A member, and where its value begins. */
interface MemberSpan extends Span {
  readonly value: number;
}

/** Where the values of the members of an object stand. */
type Index = ReadonlyMap<string, Value>;

/** Where a value stands, and its own members if they are known. */
interface Value extends Span {
  readonly members: Index | undefined;
}

/** Where the values of the members of a JSON object stand in its `text`, and those in them. */
function indexOf(text: string): Index {
  const outer = new Map<string, Value>();
  let inner = new Map<string, Value>();
  scanJson(text, (member, depth) => {
    if (depth > 2) return;
    const { valueStart: start, valueEnd: end } = member;
    if (depth === 2) {
      return void inner.set(nameOf(text, member), { start, end, members: undefined });
    }
    outer.set(nameOf(text, member), { start, end, members: inner });
    if (inner.size > 0) inner = new Map();
  });
  return outer;
}

function nameOf(text: string, { nameStart, nameEnd }: Member): string {
  const name = text.slice(nameStart + 1, nameEnd - 1);
  return name.includes("\\") ? JSON.parse(`"${name}"`) : name;
}

/** `text` without these members of its objects, nor the commas that separate them from others. */
function cut(text: string, members: readonly Span[]): string {
  const pieces: string[] = [];
  let at = 0;
  for (const { start, end } of runs(text, members)) {
    const next = afterComma(text, end);
    pieces.push(text.slice(at, next === undefined ? beforeComma(text, start) : start));
    at = next ?? end;
  }
  return [...pieces, text.slice(at)].join("");
}

/** Members that stand next to each other, as one. Those inside of another go with it. */
function runs(text: string, members: readonly Span[]): Span[] {
  const runs: { start: number; end: number }[] = [];
  for (const { start, end } of members) {
    const last = runs.at(-1);
    if (last !== undefined && start <= (afterComma(text, last.end) ?? last.end)) {
      last.end = Math.max(last.end, end);
    } else {
      runs.push({ start, end });
    }
  }
  return runs;
}

/** Where what follows the comma behind `end` begins; `undefined`: there is no comma. */
function afterComma(text: string, end: number): number | undefined {
  const comma = /\s*,\s*/y;
  comma.lastIndex = end;
  return comma.test(text) ? comma.lastIndex : undefined;
}

/** Where the comma before `start` stands; `start`: there is none. */
function beforeComma(text: string, start: number): number {
  let at = start - 1;
  while (/\s/.test(text[at]!)) at--;
  return text[at] === "," ? at : start;
}
