/**
 * JSON as it travels through the node: read with limits, passed on without loss.
 *
 * @module
 */

/** A JSON object. */
export type JsonObject = { [name: string]: unknown };

/** A number, as it was written where a JavaScript number would lose some of it. */
export type JsonNumber = number | { readonly rawJSON: string };

// TypeScript does not know these yet.
const { rawJSON, isRawJSON } = JSON as typeof JSON & {
  rawJSON(text: string): JsonNumber;
  isRawJSON(value: unknown): boolean;
};

/** Whether `value` is a JSON object: not an array, not `null`. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawJSON(value);
}

/** Whether `value` is a JSON number. */
export function isJsonNumber(value: unknown): value is JsonNumber {
  return typeof value === "number" || isRawJSON(value);
}

/** The JSON type of `value`, as a message names it. */
export function jsonTypeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (isJsonNumber(value)) return "a number";
  return isJsonObject(value) ? "an object" : `a ${typeof value}`;
}

/**
 * Parses JSON so that `JSON.stringify()` gives every number back as it was written: a 64-bit seed
 * must not lose its last digits on its way to a workload.
 */
export function parseLossless(text: string): unknown {
  return JSON.parse(text, (_key, value, context?: { source?: string }) => {
    if (typeof value !== "number" || String(value) === context?.source) return value;
    return rawJSON(context!.source!);
  });
}

/** How deeply the objects and arrays of JSON `text` are nested. */
export function nestingDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const { char } of structure(text)) {
    if (char === "{" || char === "[") deepest = Math.max(deepest, ++depth);
    else if (char === "}" || char === "]") depth--;
  }
  return deepest;
}

/**
 * The string under `name` at the top of a JSON object that is malformed further on or too large
 * to parse; `undefined` when there is none.
 */
export function salvageString(text: string, name: string): string | undefined {
  let depth = 0;
  for (const { char, start, end } of structure(text)) {
    if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    else if (depth === 1 && parsedString(text.slice(start, end)) === name) {
      const value = /^\s*:\s*("(?:[^"\\]|\\.)*")/.exec(text.slice(end, end + 2_000))?.[1];
      if (value !== undefined) return parsedString(value);
    }
  }
  return undefined;
}

function parsedString(literal: string): string | undefined {
  try {
    return JSON.parse(literal);
  } catch {
    return undefined;
  }
}

/** The brackets and the string literals of JSON `text`, in order; `char` of a string is `"`. */
function* structure(text: string): Generator<{ char: string; start: number; end: number }> {
  const token = /[{}[\]]|"/g;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const start = match.index;
    if (match[0] === '"') token.lastIndex = endOfString(text, start);
    yield { char: match[0], start, end: token.lastIndex };
  }
}

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
  return text.length;
}
