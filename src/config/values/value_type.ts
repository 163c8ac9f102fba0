/**
 * What a type of value is.
 *
 * @module
 */
import { quoted } from "../../errors.ts";
import type { YamlPath } from "../files/yaml_position.ts";

/** A value, or what is wrong with it: words that follow the setting's name. */
export type Parsed<T> = { readonly value: T } | Problem;

/** What is wrong with a value. */
export interface Problem {
  /** Words that follow the setting's name. */
  readonly problem: string;
  /** The keys and indexes that lead to the part of the value that is wrong. Default: all of it. */
  readonly path?: YamlPath;
}

/** A type of value: how it is read and shown. */
export interface ValueType<T> {
  /** Reads a value. */
  parse(value: unknown): Parsed<T>;
  /** Shows a value the way it can be written. */
  format(value: T): string;
  /** The only words it takes, where they are few. */
  readonly words?: readonly string[];
  /** Whether its values are never shown. */
  readonly secret?: true;
  /** The keys that its values have where they are mappings. */
  readonly keys?: readonly string[];
}

/** Says that `value` is not what was expected. */
export function refuse(expected: string, value: unknown): Problem {
  const got = typeof value === "number" ? String(value) : quoted(value);
  return { problem: `must be ${expected}, got ${got}` };
}

/** A string, number or boolean as text; nothing for anything else. */
export function scalarText(value: unknown): string {
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : "";
}
