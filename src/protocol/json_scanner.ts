/**
 * Checks JSON and finds the members of its objects without building its values, which would take
 * many times the memory and longer.
 *
 * @module
 */

/** Where one member of an object stands in a JSON text. `nameStart` to `valueEnd` is all of it. */
export interface Member {
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/**
 * Called for each member of each object, the inner ones first. `depth` is 1 for those of an
 * object at the top. The member is valid during the call only: it is used again for the next one.
 */
type MemberVisitor = (member: Member, depth: number) => void;

/** Deeper nesting than this is an attack, not data. */
const MAX_DEPTH = 200;

/**
 * Accepts exactly what `JSON.parse()` accepts, unless it is nested more than 200 levels deep.
 *
 * @throws {SyntaxError} that says what the text is, without quoting it: `is not JSON: ...`
 */
export function scanJson(text: string, visit: MemberVisitor = () => {}): void {
  new JsonScanner(text, visit).scan();
}

class JsonScanner {
  readonly #text: string;
  readonly #visit: MemberVisitor;
  readonly #member = { nameStart: 0, nameEnd: 0, valueStart: 0, valueEnd: 0 };
  #at = 0;

  constructor(text: string, visit: MemberVisitor) {
    this.#text = text;
    this.#visit = visit;
  }

  scan(): void {
    this.#space();
    this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail(this.#at);
  }

  /** Reads a value inside of `depth` objects and arrays. */
  #value(depth: number): void {
    switch (this.#text.charCodeAt(this.#at)) {
      case OPEN_OBJECT:
        return this.#object(depth + 1);
      case OPEN_ARRAY:
        return this.#array(depth + 1);
      case QUOTE:
        return this.#string();
      case LOWER_T:
        return this.#word("true");
      case LOWER_F:
        return this.#word("false");
      case LOWER_N:
        return this.#word("null");
      default:
        return this.#number();
    }
  }

  #object(depth: number): void {
    this.#open(depth);
    if (this.#take(CLOSE_OBJECT)) return;
    do {
      this.#space();
      const nameStart = this.#at;
      if (this.#text.charCodeAt(nameStart) !== QUOTE) this.#fail(nameStart);
      this.#string();
      const nameEnd = this.#at;
      this.#space();
      this.#expect(COLON);
      this.#space();
      const valueStart = this.#at;
      this.#value(depth);
      this.#report(nameStart, nameEnd, valueStart, depth);
      this.#space();
    } while (this.#take(COMMA));
    this.#expect(CLOSE_OBJECT);
  }

  #array(depth: number): void {
    this.#open(depth);
    if (this.#take(CLOSE_ARRAY)) return;
    do {
      this.#space();
      this.#value(depth);
      this.#space();
    } while (this.#take(COMMA));
    this.#expect(CLOSE_ARRAY);
  }

  #open(depth: number): void {
    if (depth > MAX_DEPTH) throw new SyntaxError(`is nested more than ${MAX_DEPTH} levels deep`);
    this.#at++;
    this.#space();
  }

  #report(nameStart: number, nameEnd: number, valueStart: number, depth: number): void {
    const member = this.#member;
    member.nameStart = nameStart;
    member.nameEnd = nameEnd;
    member.valueStart = valueStart;
    member.valueEnd = this.#at;
    this.#visit(member, depth);
  }

  #string(): void {
    const text = this.#text;
    for (let at = this.#at + 1;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) return void (this.#at = at + 1);
      // `charCodeAt()` is NaN behind the end.
      if (!(code >= SPACE)) this.#fail(at);
      at = code === BACKSLASH ? this.#escape(at) : at + 1;
    }
  }

  /** Returns where the escape sequence at `at` ends. */
  #escape(at: number): number {
    if (this.#text[at + 1] !== "u") {
      if (!'"\\/bfnrt'.includes(this.#text[at + 1] ?? "none")) this.#fail(at + 1);
      return at + 2;
    }
    for (let digit = at + 2; digit < at + 6; digit++) {
      if (!isHexDigit(this.#text.charCodeAt(digit))) this.#fail(digit);
    }
    return at + 6;
  }

  #number(): void {
    this.#take(MINUS);
    if (!this.#take(ZERO)) this.#digits();
    if (this.#take(DOT)) this.#digits();
    if (this.#take(UPPER_E) || this.#take(LOWER_E)) {
      if (!this.#take(PLUS)) this.#take(MINUS);
      this.#digits();
    }
  }

  /** Reads one digit or more. */
  #digits(): void {
    const text = this.#text;
    let at = this.#at;
    while (isDigit(text.charCodeAt(at))) at++;
    if (at === this.#at) this.#fail(at);
    this.#at = at;
  }

  #word(word: string): void {
    if (!this.#text.startsWith(word, this.#at)) this.#fail(this.#at);
    this.#at += word.length;
  }

  #space(): void {
    const text = this.#text;
    let at = this.#at;
    while (isSpace(text.charCodeAt(at))) at++;
    this.#at = at;
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #expect(code: number): void {
    if (!this.#take(code)) this.#fail(this.#at);
  }

  #fail(at: number): never {
    const what = at < this.#text.length
      ? `unexpected character at position ${at}`
      : "it ends too early";
    throw new SyntaxError(`is not JSON: ${what}`);
  }
}

// The character codes of what JSON is made of.
/** The code of `"`. */
export const QUOTE = 0x22;
/** The code of `\`. */
export const BACKSLASH = 0x5c;
/** The code of `:`. */
export const COLON = 0x3a;
/** The code of `,`. */
export const COMMA = 0x2c;
/** The code of `{`. */
export const OPEN_OBJECT = 0x7b;
/** The code of `}`. */
export const CLOSE_OBJECT = 0x7d;
/** The code of `[`. */
export const OPEN_ARRAY = 0x5b;
/** The code of `]`. */
export const CLOSE_ARRAY = 0x5d;
/** The code of a space. */
export const SPACE = 0x20;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const ZERO = 0x30;
const NINE = 0x39;
const DOT = 0x2e;
const PLUS = 0x2b;
const MINUS = 0x2d;
const UPPER_A = 0x41;
const UPPER_E = 0x45;
const UPPER_F = 0x46;
const LOWER_A = 0x61;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_T = 0x74;

function isSpace(code: number): boolean {
  return code === SPACE || code === LINE_FEED || code === CARRIAGE_RETURN || code === TAB;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function isHexDigit(code: number): boolean {
  return isDigit(code) || (code >= UPPER_A && code <= UPPER_F) ||
    (code >= LOWER_A && code <= LOWER_F);
}
