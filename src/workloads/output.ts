/**
 * What workloads print, as everybody reads it. A workload may put anything in place of its files:
 * what is no regular file is read as if nothing had been printed.
 *
 * @module
 */
import * as fs from "node:fs";
import { fillAt, lstat, openRegularFile, readRegularFileAt } from "../os/regular_file.ts";
import { cutMark, type Excerpt, type LongExcerpt } from "../protocol/response.ts";
import type { OutputStream, WorkloadFolder } from "./folder.ts";
import { LineSplitter } from "./line_splitter.ts";

/** How much of a stream of output is in memory at a time. More would make V8's heap grow. */
const PIECE = 16 * 1024;

/** A stream of output, of which at most `maxBytes` are kept: the head and the tail. */
export function readOutput(
  folder: WorkloadFolder,
  stream: OutputStream,
  maxBytes: number,
): LongExcerpt {
  const size = outputSize(folder, stream);
  return {
    truncated: size > maxBytes,
    size: Math.min(size, maxBytes),
    pieces: { [Symbol.iterator]: () => piecesOf(folder, stream, size, maxBytes) },
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
  if (folder.small[stream] !== undefined) return true;
  return lstat(folder.outputFile(stream))?.isFile ?? false;
}

/** How many bytes of output there are. */
export function outputSize(folder: WorkloadFolder, stream: OutputStream): number {
  return folder.small[stream]?.length ?? fileSize(folder.outputFile(stream));
}

function fileSize(path: string): number {
  const stat = lstat(path);
  return stat?.isFile ? stat.size : 0;
}

/** Fills `buffer` with output from `position` on, as far as there is any. */
export function readOutputAt(
  folder: WorkloadFolder,
  stream: OutputStream,
  position: number,
  buffer: Uint8Array,
): Uint8Array {
  const small = folder.small[stream];
  if (small !== undefined) {
    const bytes = small.subarray(position, position + buffer.length);
    buffer.set(bytes);
    return buffer.subarray(0, bytes.length);
  }
  const path = folder.outputFile(stream);
  if (fileSize(path) === 0) return buffer.subarray(0, 0);
  try {
    return readRegularFileAt(path, position, buffer);
  } catch {
    return buffer.subarray(0, 0);
  }
}

/** A stream of output that is being read. */
interface OpenOutput extends Disposable {
  readonly size: number;
  /** Up to `length` bytes, which is no more than `PIECE`. They stay until the next call. */
  read(position: number, length: number): Uint8Array<ArrayBuffer>;
}

function openOutput(folder: WorkloadFolder, stream: OutputStream): OpenOutput | undefined {
  const small = folder.small[stream];
  if (small !== undefined) {
    return {
      size: small.length,
      read: (position, length) => small.subarray(position, position + length),
      [Symbol.dispose]: () => {},
    };
  }
  const path = folder.outputFile(stream);
  // Something else may have replaced it since it was found.
  if (fileSize(path) === 0) return undefined;
  try {
    const file = openRegularFile(path);
    const { size } = fs.fstatSync(file);
    const buffer = new Uint8Array(Math.min(PIECE, size));
    return {
      size,
      read: (position, length) => fillAt(file, position, buffer.subarray(0, length)),
      [Symbol.dispose]: () => fs.closeSync(file),
    };
  } catch {
    return undefined;
  }
}

function* piecesOf(
  folder: WorkloadFolder,
  stream: OutputStream,
  size: number,
  maxBytes: number,
): Generator<string> {
  using output = size === 0 ? undefined : openOutput(folder, stream);
  if (output === undefined) return;
  if (size <= maxBytes) return yield* textBetween(output, 0, size);
  const half = Math.floor(maxBytes / 2);
  yield* textBetween(output, 0, half);
  yield cutMark(`${size - 2 * half} bytes`);
  yield* textBetween(output, startOfCharacter(output, size - half), size);
}

/** The text between two positions, but for a character at the end that is cut in two. */
function* textBetween(output: OpenOutput, start: number, end: number): Generator<string> {
  // One that keeps a byte order mark: output is passed on as it is.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const isWhole = end === output.size;
  for (let position = start; position < end; position += PIECE) {
    const bytes = output.read(position, Math.min(PIECE, end - position));
    yield decoder.decode(bytes, { stream: true });
  }
  if (isWhole) yield decoder.decode();
}

/** The first position from `position` on that is not inside of a character. */
function startOfCharacter(output: OpenOutput, position: number): number {
  const boundary = output.read(position, 4).findIndex((byte) => (byte & 0xc0) !== 0x80);
  return position + Math.max(0, boundary);
}

/**
 * About how much of each stream is shown in a second, in bytes. Nobody reads a thousand lines a second,
 * and to log them would take the node longer than the workload to print them.
 */
const MAX_SHOWN = 64 * 1024;

/** Follows one stream of output, line by line. */
export class Tail {
  readonly #folder: WorkloadFolder;
  readonly #stream: OutputStream;
  readonly #show: (line: string) => void;
  readonly #lines: LineSplitter;
  #position: number;
  #size: number;
  /** When the second began in which so much was shown. */
  #secondBegan = -Infinity;
  #shown = 0;

  /** Follows a stream of output from a byte position on. */
  constructor(
    folder: WorkloadFolder,
    stream: OutputStream,
    show: (line: string) => void,
    position = 0,
  ) {
    this.#folder = folder;
    this.#stream = stream;
    this.#show = show;
    this.#lines = new LineSplitter(show);
    this.#position = this.#size = position;
  }

  /**
   * Shows the whole lines that were written since the last call. Of a flood it shows the latest, once a
   * second: given the time in milliseconds, it may leave lines for a later call.
   */
  read(now: number = Infinity): void {
    // Most workloads print little: looking whether there is more must cost next to nothing.
    const size = outputSize(this.#folder, this.#stream);
    if (size <= this.#position) return;
    this.#size = size;
    if (now - this.#secondBegan >= 1_000) {
      this.#secondBegan = now;
      this.#shown = 0;
    }
    if (this.#shown >= MAX_SHOWN) return;
    using output = openOutput(this.#folder, this.#stream);
    if (output === undefined) return;
    this.#skipTo(size - MAX_SHOWN);
    // No further than the size seen: whatever writes without end must not hold us up.
    while (this.#position < size) {
      const bytes = output.read(this.#position, Math.min(PIECE, size - this.#position));
      if (bytes.length === 0) return;
      this.#position += bytes.length;
      this.#shown += bytes.length;
      this.#lines.push(bytes);
    }
  }

  /** How many bytes there were at the last call, shown or not. */
  get size(): number {
    return this.#size;
  }

  /** Whether the last line has no end yet. */
  get isInLine(): boolean {
    return this.#lines.isInLine;
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
    const path = this.#folder.outputFile(this.#stream);
    this.#show(`[... ${skipped} bytes are not shown here; all output is in ${path} ...]`);
    this.#position = position;
  }
}
