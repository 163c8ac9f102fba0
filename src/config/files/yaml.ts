/**
 * The YAML that a file of settings may use: no cycles, few aliases, and nothing that only looks like
 * a space beside a key.
 *
 * @module
 */
import { parse } from "@std/yaml";
import { isMapping } from "../sources.ts";
import { valueAt, type YamlPath } from "./yaml_position.ts";

/** What is wrong with a document, and what to do about it. */
export class YamlError extends SyntaxError {
  /** What to do. */
  readonly hint: string;

  /** Makes an error that says what is wrong, and where. */
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

const SYNTAX_HINT =
  'Indent with spaces, and put a command that holds ": " or " #" on a line of its own below its ' +
  "key and a |";
const SPACES_HINT = "Replace it with plain spaces";
const SIZE_HINT = "Write the settings out, without aliases (*name) and in few levels";
const KEY_HINT = "Keep one of the two lines";

/** More than any file of settings has. Each of them can stand for nearly all of the file. */
const MAX_ALIASES = 50;

/** More than any file of settings has, with each alias counted as what it stands for. */
const MAX_VALUES = 100_000;

/**
 * The root of `text`, a YAML document.
 *
 * @throws {YamlError} when it is not, with line and column but without any of the text
 */
export function parseYaml(text: string): unknown {
  refuseAliases(text);
  const root = parseAny(text);
  const keys = keysIn(root);
  refuseTabs(text, root);
  refuseInvisible(text, keys);
  return root;
}

/**
 * The mapping at `path` of a valid document, with its numbers as the texts that they are written as:
 * `3.10` is not 3.1 there, nor `0777` 511.
 */
export function withNumbersAsWritten(
  mapping: Readonly<Record<string, unknown>>,
  text: string,
  path: YamlPath,
): Record<string, unknown> {
  const written = textsAt(text, path);
  return Object.fromEntries(
    Object.entries(mapping).map(([key, value]) => {
      const isWritten = typeof value === "number" && typeof written[key] === "string";
      return [key, isWritten ? written[key] : value];
    }),
  );
}

/** The mapping at `path` with every value as a text; empty where tags rule that out. */
function textsAt(text: string, path: YamlPath): Readonly<Record<string, unknown>> {
  try {
    const mapping = valueAt(parse(text, { schema: "failsafe" }), path);
    return isMapping(mapping) ? mapping : {};
  } catch {
    return {};
  }
}

function parseAny(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw new YamlError("It is nested too deeply", SIZE_HINT);
    if (!(error instanceof SyntaxError)) throw error;
    const what = withoutExcerpt(error.message);
    throw new YamlError(what, what.includes("duplicated key") ? KEY_HINT : SYNTAX_HINT);
  }
}

/** What is wrong and where, without anything of the file itself: that may hold a password. */
function withoutExcerpt(message: string): string {
  const [what = ""] = message.split(":\n");
  return what.replace(/ ?("[^"]*"|!<[^>]*>)/g, "");
}

/** Before parsing: merging an alias (`<<`) copies all that it stands for. */
function refuseAliases(text: string): void {
  const aliases = [...text.matchAll(/(?<=^|[\s[{,:-])\*[^\s[\]{},*]+/g)];
  const excess = aliases[MAX_ALIASES];
  if (excess === undefined) return;
  throw new YamlError(
    `There are more than ${MAX_ALIASES} aliases ${at(text, excess.index)}`,
    SIZE_HINT,
  );
}

/** The keys of all mappings in a document, each time that one is reached. */
function keysIn(root: unknown): ReadonlySet<string> {
  const keys = new Set<string>();
  const parents = new Set<unknown>();
  let values = 0;
  const visit = (value: unknown): void => {
    if (++values > MAX_VALUES) {
      throw new YamlError(`It holds more than ${MAX_VALUES} values`, SIZE_HINT);
    }
    if (typeof value !== "object" || value === null || value instanceof Date) return;
    if (parents.has(value)) {
      throw new YamlError("An alias stands for a value that it is part of", SIZE_HINT);
    }
    parents.add(value);
    if (!Array.isArray(value)) { for (const key of Object.keys(value)) keys.add(key); }
    for (const item of Object.values(value)) visit(item);
    parents.delete(value);
  };
  visit(root);
  return keys;
}

/** The parser takes a key that is indented with a tab for one that is not indented at all. */
function refuseTabs(text: string, root: unknown): void {
  if (!isMapping(root)) return;
  for (const { index, 1: key } of text.matchAll(/^\t+([\w-]+):(?=\s|$)/gm)) {
    if (Object.hasOwn(root, key)) {
      throw new YamlError(`Tabs cannot be used for indentation ${at(text, index)}`, SPACES_HINT);
    }
  }
}

/** The parser takes a no-break space and the like for part of the key beside it. */
function refuseInvisible(text: string, keys: ReadonlySet<string>): void {
  for (const key of keys) {
    const [invisible] = /^[^\S ]|^[\p{Z}\p{Cf}]|[\p{Z}\p{Cf}]$/u.exec(key) ?? [" "];
    const index = invisible === " " ? -1 : text.indexOf(key);
    if (index === -1) continue;
    const code = invisible.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
    const where = at(text, index + key.indexOf(invisible));
    throw new YamlError(
      `Only plain spaces may stand beside a key, not U+${code} ${where}`,
      SPACES_HINT,
    );
  }
}

function at(text: string, index: number): string {
  const before = text.slice(0, index).split("\n");
  return `at line ${before.length}, column ${before.at(-1)!.length + 1}`;
}
