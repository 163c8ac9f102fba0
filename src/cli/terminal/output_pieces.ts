/**
 * What a workload printed, in the pieces in which it came, and which of them are to be shown.
 *
 * @module
 */
import type { OutputStream } from "../../workloads/folder.ts";
import { inLikelyOrder } from "../../workloads/mirror.ts";
import type { Growth } from "../../workloads/output_index.ts";

const LINE_BREAK = 0x0a;
const CHUNK = 64 * 1024;

/** A piece of a stream of output. */
export interface OutputPiece {
  readonly stream: OutputStream;
  /** Its first byte. */
  readonly from: number;
  /** The byte after its last one. */
  readonly to: number;
  /** When it was first seen, in milliseconds since the epoch. */
  readonly at: number;
}

/** Reads a part of a stream: up to a few kilobytes of it from a position on. */
export type ReadPiece = (stream: OutputStream, from: number, to: number) => Uint8Array;

/** The pieces of these streams, in their order, of which the last one was seen with these sizes. */
export function outputPieces(
  growths: readonly Growth[],
  last: Growth,
  streams: readonly OutputStream[],
  read: ReadPiece,
): OutputPiece[] {
  const pieces: OutputPiece[] = [];
  const seen = { stdout: 0, stderr: 0 };
  for (const growth of [...growths, last]) {
    const grown = streams.map((stream) => {
      const [from, to] = [seen[stream], Math.min(growth[stream], last[stream])];
      return { stream, from, to, at: growth.at };
    }).filter(({ from, to }) => from < to);
    pieces.push(...grown.length > 1 ? inOrder(grown, read) : grown);
    for (const { stream, to } of grown) seen[stream] = to;
  }
  return pieces;
}

function inOrder(pieces: readonly OutputPiece[], read: ReadPiece): OutputPiece[] {
  const known = pieces.map((piece) => {
    const { stream, from } = piece;
    return { piece, isInLine: from > 0 && read(stream, from - 1, from)[0] !== LINE_BREAK };
  });
  return inLikelyOrder(known).map(({ piece }) => piece);
}

/** The pieces that were seen since a time, from the beginnings of their lines on. */
export function piecesSince(
  pieces: readonly OutputPiece[],
  time: number,
  read: ReadPiece,
): OutputPiece[] {
  const begun = new Set<OutputStream>();
  return pieces.filter(({ at }) => at >= time).map((piece) => {
    if (begun.has(piece.stream)) return piece;
    begun.add(piece.stream);
    return { ...piece, from: startOfLine(piece, read) };
  });
}

/** The pieces with the last lines, of all streams together. */
export function lastLines(
  pieces: readonly OutputPiece[],
  count: number,
  read: ReadPiece,
): OutputPiece[] {
  const kept: OutputPiece[] = [];
  const ended = new Set<OutputStream>();
  let left = count;
  for (const piece of pieces.toReversed()) {
    if (left === 0) break;
    // A last line need not have a line break, and is none of those that are counted from it.
    const isEnd = !ended.has(piece.stream);
    ended.add(piece.stream);
    const found = startOfLastLines(piece, left, isEnd, read);
    kept.unshift({ ...piece, from: found.from });
    left -= found.lines;
  }
  return kept;
}

/** Where the last lines that end in a piece begin, and how many there are. */
function startOfLastLines(
  { stream, from, to }: OutputPiece,
  count: number,
  isEnd: boolean,
  read: ReadPiece,
): { readonly from: number; readonly lines: number } {
  let lines = isEnd && read(stream, to - 1, to)[0] !== LINE_BREAK ? 1 : 0;
  for (let end = to; end > from; end -= CHUNK) {
    const start = Math.max(from, end - CHUNK);
    const bytes = read(stream, start, end);
    for (let index = bytes.length - 1; index >= 0; index--) {
      if (bytes[index] !== LINE_BREAK) continue;
      if (lines === count) return { from: start + index + 1, lines };
      lines++;
    }
  }
  return { from, lines };
}

/** Where the line begins that goes on at the beginning of a piece. */
function startOfLine({ stream, from }: OutputPiece, read: ReadPiece): number {
  const start = Math.max(0, from - CHUNK);
  const before = read(stream, start, from);
  return start + before.lastIndexOf(LINE_BREAK) + 1;
}
