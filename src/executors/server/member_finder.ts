/**
 * Finds the members of a JSON object in bytes that arrive in pieces, without storing the bytes.
 *
 * @module
 */
import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  SPACE,
} from "../../protocol/json_scanner.ts";

/** Where a value stands, in bytes from the beginning. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Longer names are not needed. */
const LONGEST_NAME = 256;

/**
 * Finds the members of a JSON object. It checks nothing: invalid JSON may have members, too. Of two
 * members with the same name the last one counts, as for `JSON.parse()`.
 */
export class MemberFinder {
  /** The members found until now, by their names. */
  readonly members: Map<string, Span> = new Map();
  #at = 0;
  #depth = 0;
  #isString = false;
  #isEscaped = false;
  /** Whether the next string, or this one, is the name of a member. */
  #isName = false;
  #name: number[] = [];
  /** Where the value of the member begins whose name was read. */
  #valueStart: number | undefined;
  /** Behind the last byte that is no white space between values. */
  #valueEnd = 0;

  /** Looks at the next bytes. */
  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#isString) this.#inString(byte);
      else if (byte > SPACE) this.#outside(byte);
      this.#at++;
    }
  }

  #inString(byte: number): void {
    if (this.#isName && this.#name.length < LONGEST_NAME) this.#name.push(byte);
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isString = false;
    this.#valueEnd = this.#at + 1;
  }

  #outside(byte: number): void {
    switch (byte) {
      case QUOTE:
        this.#isString = true;
        if (this.#isName) this.#name = [byte];
        break;
      case OPEN_OBJECT:
        this.#isName = this.#depth === 0;
        this.#depth++;
        break;
      case OPEN_ARRAY:
        this.#depth++;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        if (this.#depth === 1) this.#endMember();
        this.#depth--;
        break;
      case COLON:
        if (this.#isName) this.#valueStart = this.#at + 1;
        this.#isName = false;
        break;
      case COMMA:
        if (this.#depth !== 1) break;
        this.#isName = this.#valueStart !== undefined;
        this.#endMember();
        break;
    }
    this.#valueEnd = this.#at + 1;
  }

  #endMember(): void {
    const name = nameOf(this.#name);
    if (this.#valueStart !== undefined && name !== undefined) {
      this.members.set(name, { start: this.#valueStart, end: this.#valueEnd });
    }
    this.#valueStart = undefined;
  }
}

function nameOf(bytes: readonly number[]): string | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes)));
  } catch {
    return undefined;
  }
}
