/**
 * What can be read of a message that is damaged or too large to be read as a whole.
 *
 * @module
 */

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
