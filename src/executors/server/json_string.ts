/**
 * Decodes a JSON string that arrives in pieces.
 *
 * @module
 */

const BACKSLASH = 0x5c;

/** The length of two escape sequences that make one character. */
const LONGEST_ESCAPE = 12;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Decodes a JSON string to UTF-8. `pieces` are its bytes without the quotation marks, cut anywhere.
 * Throws a `SyntaxError` if they are not a string.
 */
export function* unescaped(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let rest = new Uint8Array();
  for (const piece of pieces) {
    const bytes = new Uint8Array(rest.length + piece.length);
    bytes.set(rest);
    bytes.set(piece, rest.length);
    const cut = lastCut(bytes);
    if (cut > 0) yield decoded(bytes.subarray(0, cut));
    rest = bytes.slice(cut);
  }
  if (rest.length > 0) yield decoded(rest);
}

function decoded(bytes: Uint8Array): Uint8Array {
  return encoder.encode(JSON.parse(`"${decoder.decode(bytes)}"`));
}

/** The last position that is certainly not inside a character or an escape sequence. */
function lastCut(bytes: Uint8Array): number {
  for (let at = bytes.length - 1; at > 0;) {
    const slash = bytes.lastIndexOf(BACKSLASH, at - 1);
    if (slash >= 0 && slash >= at - LONGEST_ESCAPE) at = slash;
    else if ((bytes[at]! & 0xc0) === 0x80) at--;
    else return at;
  }
  return 0;
}
