/**
 * The types of JSON values.
 *
 * @module
 */

/** A JSON object. */
export type JsonObject = { [name: string]: unknown };

/** Whether `value` is a JSON object: not an array, not `null`. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The type of the JSON value that `text` is, as a message names it: `an array`. */
export function jsonTypeOf(text: string): string {
  switch (text.trimStart()[0]) {
    case "{":
      return "an object";
    case "[":
      return "an array";
    case '"':
      return "a string";
    case "t":
    case "f":
      return "a boolean";
    case "n":
      return "null";
    default:
      return "a number";
  }
}

/** A number that `JSON.stringify()` writes as its sender wrote it. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** The number that `text` is, as `JSON.stringify()` writes it. */
export function rawNumber(text: string): RawNumber {
  // TypeScript does not know this yet.
  return (JSON as typeof JSON & { rawJSON(text: string): RawNumber }).rawJSON(text);
}
