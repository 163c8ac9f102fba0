/**
 * Cuts what workloads print into pieces of whole lines, in which secrets are masked.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { cutBytesBeforeSecret, redact } from "../log.ts";

/** A piece of output. */
export interface Piece {
  /** How many bytes of the output it covers. */
  readonly bytes: number;
  /** The same as text: whole lines, the last one ended as well, without secrets. */
  readonly text: string;
  /** How many bytes the text has in UTF-8. */
  readonly size: number;
}

/** What bounds a piece. */
interface PieceBounds {
  /** How many bytes its text may have in UTF-8. */
  readonly limit: number;
  /** Whether nothing follows the bytes given, so that they end in a whole line. */
  readonly atEnd: boolean;
  /** Whether a line that does not fit is cut, instead of left for later. */
  readonly cutsLines: boolean;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * The longest piece of whole lines that `printed` begins with. `"too long"`: it begins with a line
 * that does not fit. `undefined`: it has no whole line yet.
 */
export function firstPiece(
  printed: Uint8Array,
  { limit, atEnd, cutsLines }: PieceBounds,
): Piece | "too long" | undefined {
  let fits = printed.length < limit;
  for (let length = Math.min(printed.length, limit); length > 0;) {
    const isAll = atEnd && length === printed.length;
    const end = isAll ? length : lineEnd(printed.subarray(0, length), cutsLines && !fits);
    if (end === 0) break;
    const safe = isAll ? end : cutBytesBeforeSecret(printed, end);
    if (safe === 0 && fits) return undefined;
    // A secret that no piece has room for is no secret any more.
    const bytes = safe === 0 ? end : safe;
    const text = asText(printed.subarray(0, bytes));
    const size = byteLength(text);
    if (size <= limit) return { bytes, text, size };
    // Bytes that are no UTF-8 grow when they are replaced.
    fits = false;
    length = Math.min(length - 1, Math.floor(bytes * limit / size));
  }
  return fits ? undefined : "too long";
}

/** How many bytes a text has in UTF-8. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text);
}

/** How many of these bytes are whole lines. */
function lineEnd(bytes: Uint8Array, cutsLines: boolean): number {
  const newline = bytes.lastIndexOf(NEWLINE);
  if (newline >= 0) return newline + 1;
  // A progress bar has no other line breaks. One that comes last may be half of a Windows one.
  const carriageReturn = bytes.lastIndexOf(RETURN, -2);
  if (carriageReturn >= 0) return carriageReturn + 1;
  return cutsLines ? lastCharacterEnd(bytes) : 0;
}

/** How many of these bytes come before a character that is cut in two at their end. */
function lastCharacterEnd(bytes: Uint8Array): number {
  const start = bytes.findLastIndex((byte) => (byte & 0xc0) !== 0x80);
  const first = bytes[start];
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  const isCut = start > 0 && bytes.length - start < length;
  return isCut ? start : bytes.length;
}

function asText(bytes: Uint8Array): string {
  const decoded = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  // Databases refuse NUL in texts.
  const text = redact(decoded).replaceAll("\0", "\ufffd").replace(/\r$/, "\n");
  return text.endsWith("\n") ? text : `${text}\n`;
}
