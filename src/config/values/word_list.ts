/**
 * Settings that are some of a few words.
 *
 * @module
 */
import { refuse, type ValueType } from "./values.ts";

/** Some of a few words: a list, or in one text with commas between them. */
export function someWords<T extends string>(words: readonly T[]): ValueType<readonly T[]> {
  return {
    parse(value) {
      if (value === "") return { value: [] };
      const given = typeof value === "string" ? value.split(",").map((word) => word.trim()) : value;
      const isRight = Array.isArray(given) && new Set(given).size === given.length &&
        given.every((word) => words.includes(word));
      return isRight ? { value: given } : refuse(`some of ${words.join(", ")}`, value);
    },
    format: (words) => words.join(","),
  };
}
