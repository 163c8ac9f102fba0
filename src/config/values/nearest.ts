/**
 * Which name was probably meant by a mistyped one.
 *
 * @module
 */
import { closestString } from "@std/text/closest-string";

/** The name among `names` that is nearest to `word`, unless none is reasonably near. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const closest = closestString(word, names);
  // A mistyped name still begins and ends like the right one.
  const common = commonStart(word, closest) + commonStart(reversed(word), reversed(closest));
  return common >= Math.max(word.length, closest.length) / 2 ? closest : undefined;
}

function commonStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

function reversed(word: string): string {
  return [...word].reverse().join("");
}
