/**
 * JSON arrays that stay text, as `ObjectText` does for objects: no digit of a number is lost.
 *
 * @module
 */

/** The JSON of each element of `text`, which is a JSON array. */
export function elementsOf(text: string): string[] {
  const elements: string[] = [];
  let depth = 0;
  let start = text.indexOf("[") + 1;
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{},]/g)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    const isEnd = depth === 0 || (depth === 1 && token === ",");
    if (!isEnd) continue;
    elements.push(text.slice(start, index).trim());
    start = index + 1;
  }
  // An empty array has no elements, not one without text.
  return elements.filter((element) => element !== "");
}
