/**
 * Where a value stands in a YAML document. The parser does not report positions, so it is found by
 * trial: the position is that of the text whose replacement changes just that value.
 *
 * @module
 */
import { parse } from "@std/yaml";

/** The keys and indexes that lead to a value. */
export type YamlPath = readonly (string | number)[];

/** More candidates than this are a document made to take long: it gets no position. */
const MAX_TRIALS = 100;

/** What stands in for a piece of the document. No document has it. */
const SENTINEL = "cyberwave-position";

/**
 * `line 3, column 5`: where the value at `path` begins, or its key where it begins on another line or
 * the key is asked for; `undefined` where that cannot be found. `text` is a valid document.
 */
export function yamlPosition(
  text: string,
  path: YamlPath,
  of: "value" | "key" = "value",
): string | undefined {
  if (text.includes(SENTINEL)) return undefined;
  const key = path.at(-1);
  const index = typeof key === "string" ? indexOfKey(text, path, key, of) : indexOfItem(text, path);
  // Of what is written in an unusual way at least the mapping or list around it is named.
  if (index === undefined) {
    return path.length > 1 ? yamlPosition(text, path.slice(0, -1)) : undefined;
  }
  const before = text.slice(0, index).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

function indexOfKey(
  text: string,
  path: YamlPath,
  key: string,
  of: "value" | "key",
): number | undefined {
  const parent = path.slice(0, -1);
  const pattern = new RegExp(`(?<![\\w-])(["']?)${RegExp.escape(key)}\\1(?=\\s*:)`, "g");
  const found = firstThat(text, pattern, (changed) => {
    const mapping = valueAt(changed, parent);
    return isObject(mapping) && Object.hasOwn(mapping, SENTINEL) && !Object.hasOwn(mapping, key);
  });
  if (found === undefined || of === "key") return found?.start;
  const [whole, value] = /^\s*:[ \t]*([^\s#]?)/.exec(text.slice(found.end))!;
  return value === "" ? found.start : found.end + whole.length - 1;
}

function indexOfItem(text: string, path: YamlPath): number | undefined {
  const item = valueAt(parse(text), path);
  if (isObject(item) || item === "" || String(item).includes("\n")) return undefined;
  const pattern = new RegExp(`(["']?)${RegExp.escape(String(item))}\\1`, "g");
  return firstThat(text, pattern, (changed) => valueAt(changed, path) === SENTINEL)?.start;
}

/** The first match of `pattern` for which the document with the sentinel in its place is `right`. */
function firstThat(
  text: string,
  pattern: RegExp,
  right: (document: unknown) => boolean,
): { readonly start: number; readonly end: number } | undefined {
  let trials = 0;
  for (const { 0: match, index: start } of text.matchAll(pattern)) {
    if (++trials > MAX_TRIALS) return undefined;
    const end = start + match.length;
    if (right(parsed(text.slice(0, start) + SENTINEL + text.slice(end)))) return { start, end };
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** What the keys and indexes of `path` lead to from `root`; `undefined`: nothing. */
export function valueAt(root: unknown, path: YamlPath): unknown {
  return path.reduce<unknown>(
    (value, key) => isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined,
    root,
  );
}

function isObject(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}
