/**
 * `${NAME}` in values of `env:`, as compose interpolates.
 *
 * @module
 */
import { quoted } from "../../errors.ts";

/** A text with its variables in place. */
interface Interpolated {
  /** The text. */
  readonly value: string;
  /** The names that have no value and no default: they count as empty. */
  readonly unset: readonly string[];
  /** What is wrong, in words that follow the setting's name: a syntax error, or what `:?` asks for. */
  readonly problem?: string;
}

/**
 * `text` with `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?error}` and `${NAME:+replacement}` in
 * place (without the colon an empty value counts as set), and `$$` as `$`. Other `$` stay as they are.
 */
export function interpolate(
  text: string,
  lookUp: (name: string) => string | undefined,
): Interpolated {
  const reader = new Reader(text, lookUp);
  try {
    return { value: reader.read(), unset: [...reader.unset] };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { value: "", unset: [], problem: error.message };
  }
}

/** What makes a text unusable. */
class Refusal extends Error {}

/** Deeper than anybody writes. */
const MAX_DEPTH = 20;

class Reader {
  readonly unset = new Set<string>();
  readonly #text: string;
  readonly #lookUp: (name: string) => string | undefined;
  #at = 0;

  constructor(text: string, lookUp: (name: string) => string | undefined) {
    this.#text = text;
    this.#lookUp = lookUp;
  }

  /** Reads to the end, or to the `}` of the expansion at `depth`. One that is not used asks for nothing. */
  read(depth = 0, isUsed = true): string {
    if (depth > MAX_DEPTH) throw new Refusal("has ${...} nested too deeply");
    let result = "";
    while (this.#at < this.#text.length) {
      if (depth > 0 && this.#text[this.#at] === "}") return result;
      const [plain] = this.#take(depth > 0 ? /[^$}]+/y : /[^$]+/y) ?? [];
      result += plain ?? this.#readDollar(depth, isUsed);
    }
    return result;
  }

  #readDollar(depth: number, isUsed: boolean): string {
    if (this.#take(/\$\$/y)) return "$";
    const [, name] = this.#take(/\$([A-Za-z_]\w*)/y) ?? [];
    if (name !== undefined) return this.#valueOf(name, isUsed);
    if (this.#take(/\$\{/y)) return this.#readExpansion(depth, isUsed);
    this.#at++;
    return "$";
  }

  #readExpansion(depth: number, isUsed: boolean): string {
    const [, name = "", colon, operator] = this.#take(/([A-Za-z_]\w*)(?:(:?)([-?+]))?/y) ?? [];
    const value = this.#lookUp(name);
    const isSet = value !== undefined && (colon !== ":" || value !== "");
    const usesWord = operator === "+" ? isSet : !isSet;
    const word = operator === undefined ? "" : this.read(depth + 1, isUsed && usesWord);
    if (name === "" || !this.#take(/\}/y)) {
      throw new Refusal("has ${ that is no ${NAME}, ${NAME:-default} or ${NAME:?error}: write $${");
    }
    if (operator === undefined) return this.#valueOf(name, isUsed);
    if (operator === "?" && !isSet && isUsed) {
      throw new Refusal(`needs the variable ${name}${word === "" ? "" : `: ${quoted(word)}`}`);
    }
    return usesWord ? word : operator === "+" ? "" : value!;
  }

  #valueOf(name: string, isUsed: boolean): string {
    const value = this.#lookUp(name);
    if (value === undefined && isUsed) this.unset.add(name);
    return value ?? "";
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text) ?? undefined;
    if (match !== undefined) this.#at += match[0].length;
    return match;
  }
}
