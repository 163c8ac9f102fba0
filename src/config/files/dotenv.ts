/**
 * `.env` files. They mean what python-dotenv makes of them, since the Python agent reads the same
 * files. Other readers differ about `#`, `$`, quotes, escapes and keys.
 *
 * @module
 */

/** What a `.env` file says. */
interface Dotenv {
  /** Its variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** The numbers of the lines that are not `NAME=value`, which are ignored. */
  readonly unreadable: readonly number[];
}

/** A line that all readers understand alike: a comment, or a name and a plain word. */
const PLAIN = /^(?:#.*|[A-Za-z]\w*=[\w.,:/@+-]*)?$/;

/** Reads the text of a `.env` file, in which `${NAME}` is a variable of `env` or of a line above. */
export async function parseDotenv(
  text: string,
  env: Readonly<Record<string, string>>,
): Promise<Dotenv> {
  const lines = text.replace(/\r\n?/g, "\n");
  if (lines.split("\n").every((line) => PLAIN.test(line))) {
    // Here, because most commands read no such file.
    const { parse } = await import("@std/dotenv");
    return { variables: parse(lines), unreadable: [] };
  }
  const variables = new Map<string, string>();
  const unreadable: number[] = [];
  const lookUp = (name: string) => Object.hasOwn(env, name) ? env[name] : variables.get(name);
  for (const { name, value, line } of statements(lines)) {
    if (name === undefined) unreadable.push(line);
    else if (value === undefined) variables.delete(name);
    else variables.set(name, expandVariables(value, lookUp));
  }
  return { variables: Object.fromEntries(variables), unreadable };
}

/** A statement of a `.env` file. */
interface Statement {
  /** `undefined`: it is not `NAME=value`. */
  readonly name?: string;
  /** `undefined`: there is no `=`. */
  readonly value?: string;
  /** The line in which it begins. */
  readonly line: number;
}

function* statements(text: string): Generator<Statement> {
  const reader = new Reader(text);
  while (reader.skipToStatement()) {
    const { line } = reader;
    const statement = readStatement(reader);
    const isWhole = statement !== undefined && reader.take(/[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y);
    if (isWhole) yield { ...statement, line };
    else {
      reader.take(/[^\n]*\n?/y);
      yield { line };
    }
  }
}

function readStatement(reader: Reader): Omit<Statement, "line"> | undefined {
  reader.take(/export[^\S\n]+/y);
  const [, quotedName, bareName] = reader.take(/'([^']+)'|([^=#\s'][^=#\s]*)/y) ?? [];
  const name = quotedName ?? bareName;
  if (name === undefined) return undefined;
  reader.take(/[^\S\n]*/y);
  const [equals] = reader.take(/=[^\S\n]*/y) ?? [];
  if (equals === undefined) return { name };
  // After a space `#` begins a comment.
  if (equals.length > 1 && reader.next === "#") return { name, value: "" };
  const value = readValue(reader);
  return value === undefined ? undefined : { name, value };
}

/** Reads what follows `=`; `undefined`: its quote does not end. */
function readValue(reader: Reader): string | undefined {
  switch (reader.next) {
    case "'":
      return reader.take(/'((?:\\[^]|[^'\\])*)'/y)?.[1].replace(/\\([\\'])/g, "$1");
    case '"':
      return reader.take(/"((?:\\[^]|[^"\\])*)"/y)?.[1]
        .replace(/\\([\\'"abfnrtv])/g, (_, char: string) => ESCAPES[char] ?? char);
    default: {
      const [line] = reader.take(/[^\n]*/y)!;
      const comment = line.search(/\s#/);
      return (comment === -1 ? line : line.slice(0, comment)).trimEnd();
    }
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** `value` with its `${NAME}` and `${NAME:-default}` expanded, once. */
function expandVariables(value: string, lookUp: (name: string) => string | undefined): string {
  // The bounds keep a hostile value from taking quadratic time.
  return value.replace(
    /\$\{([^}:]{0,1000})(?::-([^}]{0,1000}))?\}/g,
    (_, name: string, fallback?: string) => lookUp(name) ?? fallback ?? "",
  );
}

/** Reads a text from its beginning to its end. */
class Reader {
  readonly #text: string;
  #at = 0;
  /** The number of the line that is being read. */
  line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next character; `undefined` at the end. */
  get next(): string | undefined {
    return this.#text[this.#at];
  }

  /** Takes what `pattern` matches here, if it does. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text) ?? undefined;
    if (match === undefined) return undefined;
    this.#at += match[0].length;
    this.line += match[0].split("\n").length - 1;
    return match;
  }

  /** Takes white space and lines of comment; whether something follows. */
  skipToStatement(): boolean {
    while (this.take(/\s+|#[^\n]*/y) !== undefined);
    return this.next !== undefined;
  }
}
