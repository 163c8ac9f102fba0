/**
 * What workloads print, as everybody reads it. A workload may put anything in place of its files:
 * what is no regular file is read as if nothing had been printed.
 *
 * @module
 */
import * as fs from "node:fs";
import { openRegularFile, readAt, readRegularFileAt } from "../os/regular_file.ts";
import { cutMark, type Excerpt, type LongExcerpt } from "../protocol/response.ts";
import type { OutputStream, WorkloadFolder } from "./folder.ts";
import { LineSplitter } from "./line_splitter.ts";

/** How much of a stream of output is in memory at a time. */
const PIECE = 64 * 1024;

/** A stream of output, of which at most `maxBytes` are kept: the head and the tail. */
export function readOutput(
  folder: WorkloadFolder,
  stream: OutputStream,
  maxBytes: number,
): LongExcerpt {
  const path = folder.outputFile(stream);
  const size = outputSize(path);
  return {
    truncated: size > maxBytes,
    size: Math.min(size, maxBytes),
    pieces: { [Symbol.iterator]: () => piecesOf(path, size, maxBytes) },
  };
}

/** The same as one text. */
export function excerptOf(
  folder: WorkloadFolder,
  stream: OutputStream,
  maxBytes: number,
): Excerpt {
  const { pieces, truncated } = readOutput(folder, stream, maxBytes);
  return { text: [...pieces].join(""), truncated };
}

/** Whether a stream of output can be read: a workload may have removed its file, or anybody else. */
export function hasOutput(folder: WorkloadFolder, stream: OutputStream): boolean {
  return fs.lstatSync(folder.outputFile(stream), { throwIfNoEntry: false })?.isFile() ?? false;
}

/** How many bytes of output are in a file. */
export function outputSize(path: string): number {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() ? stat.size : 0;
}

/** Fills `buffer` with output from `position` on, as far as there is any. */
export function readOutputAt(path: string, position: number, buffer: Uint8Array): Uint8Array {
  if (outputSize(path) === 0) return buffer.subarray(0, 0);
  try {
    return readRegularFileAt(path, position, buffer);
  } catch {
    return buffer.subarray(0, 0);
  }
}

function openOutput(path: string): number | undefined {
  // Something else may have replaced it since it was found.
  if (outputSize(path) === 0) return undefined;
  try {
    return openRegularFile(path);
  } catch {
    return undefined;
  }
}

function* piecesOf(path: string, size: number, maxBytes: number): Generator<string> {
  const file = size === 0 ? undefined : openOutput(path);
  if (file === undefined) return;
  try {
    if (size <= maxBytes) return yield* textBetween(file, 0, size);
    const half = Math.floor(maxBytes / 2);
    yield* textBetween(file, 0, half);
    yield cutMark(`${size - 2 * half} bytes`);
    yield* textBetween(file, startOfCharacter(file, size - half), size);
  } finally {
    fs.closeSync(file);
  }
}

/** The text between two positions, but for a character at the end that is cut in two. */
function* textBetween(file: number, start: number, end: number): Generator<string> {
  // One that keeps a byte order mark: output is passed on as it is.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const isWhole = end === fs.fstatSync(file).size;
  for (let position = start; position < end; position += PIECE) {
    const bytes = readAt(file, position, Math.min(PIECE, end - position));
    yield decoder.decode(bytes, { stream: true });
  }
  if (isWhole) yield decoder.decode();
}

/** The first position from `position` on that is not inside of a character. */
function startOfCharacter(file: number, position: number): number {
  const boundary = readAt(file, position, 4).findIndex((byte) => (byte & 0xc0) !== 0x80);
  return position + Math.max(0, boundary);
}

/**
 * How much a look shows of each stream, in bytes. Nobody reads a megabyte a second, and to log it
 * would take the node longer than the workload to print it.
 */
const MAX_SHOWN = 256 * 1024;

/** Follows one stream of output, line by line. */
export class Tail {
  readonly #path: string;
  readonly #show: (line: string) => void;
  readonly #lines: LineSplitter;
  #position: number;

  /** Follows a stream of output from a byte position on. */
  constructor(
    folder: WorkloadFolder,
    stream: OutputStream,
    show: (line: string) => void,
    position = 0,
  ) {
    this.#path = folder.outputFile(stream);
    this.#show = show;
    this.#lines = new LineSplitter(show);
    this.#position = position;
  }

  /** Shows the whole lines that were written since the last call. */
  read(): void {
    // Most workloads print little: looking whether there is more must cost next to nothing.
    const size = outputSize(this.#path);
    if (size <= this.#position) return;
    const file = openOutput(this.#path);
    if (file === undefined) return;
    try {
      this.#skipTo(size - MAX_SHOWN);
      // No further than the size seen: whatever writes without end must not hold us up.
      while (this.#position < size) {
        const bytes = readAt(file, this.#position, Math.min(PIECE, size - this.#position));
        if (bytes.length === 0) return;
        this.#position += bytes.length;
        this.#lines.push(bytes);
      }
    } finally {
      fs.closeSync(file);
    }
  }

  /** How far it was read. */
  get position(): number {
    return this.#position;
  }

  /** The latest state of a last line that writes over itself, as a progress bar does. */
  get rewritten(): string | undefined {
    return this.#lines.rewritten;
  }

  /** Shows a last line that has no line break. */
  end(): void {
    this.#lines.end();
  }

  /** Leaves out what comes before a position, if that is ahead, and says so. */
  #skipTo(position: number): void {
    const skipped = position - this.#position;
    if (skipped <= 0) return;
    this.#lines.end();
    this.#show(`[... ${skipped} bytes are not shown here; all output is in ${this.#path} ...]`);
    this.#position = position;
  }
}
