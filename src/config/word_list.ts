/**
 * Settings that are some of a few words.
 *
 * @module
 */
import { refuse, type ValueType } from "./values.ts";

/** Some of a few words: a list, or in one text with commas between them. What they are is `what`. */
export function someWords<T extends string>(
  what: string,
  words: readonly T[],
): ValueType<readonly T[]> {
  return {
    parse(value) {
      const given = typeof value === "string" ? value.split(",").map((word) => word.trim()) : value;
      const isRight = Array.isArray(given) && new Set(given).size === given.length &&
        given.every((word) => words.includes(word));
      if (value === "") return { value: [] };
      return isRight ? { value: given } : refuse(`${what}: some of ${words.join(", ")}`, value);
    },
    format: (words) => words.join(","),
  };
}
