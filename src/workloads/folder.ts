/**
 * The folder of one workload: `params.json`, `stdout.log`, `stderr.log` and `exit`, readable by the
 * node's user alone.
 *
 * @module
 */
import * as fs from "node:fs";
import { cutMark, type Excerpt, type LongExcerpt } from "../protocol/response.ts";
import { parseExitFile } from "../executors/process/shim.ts";

/** How a workload ended, as far as can be told. */
export type Exit =
  | { readonly type: "exited"; readonly code: number }
  | { readonly type: "killed"; readonly signal: string }
  /** It never ran, and never will. */
  | { readonly type: "never_began" }
  /** It was gone after a restart of the machine. */
  | { readonly type: "lost" };

/** A stream of output. */
export type OutputStream = "stdout" | "stderr";

/** A file that goes into a workload's folder. */
export interface WorkloadFile {
  readonly name: string;
  readonly bytes: string | Uint8Array;
}

/** How much of a stream of output is in memory at a time. */
const PIECE = 64 * 1024;

/** What a file takes on disk at least. */
const BLOCK = 4096;

/** What the params are called in a workload's folder. */
export const PARAMS_FILE = "params.json";

/** The folder of one workload. */
export class WorkloadFolder {
  /** Names a folder; it may not exist. */
  constructor(readonly path: string) {}

  /** Where the params are. */
  get paramsFile(): string {
    return `${this.path}/${PARAMS_FILE}`;
  }

  /** Where a stream of output goes. */
  outputFile(stream: OutputStream): string {
    return `${this.path}/${stream}.log`;
  }

  /** Writes a file that is not there yet. */
  write({ name, bytes }: WorkloadFile): void {
    fs.writeFileSync(`${this.path}/${name}`, bytes, { mode: 0o600, flag: "wx" });
  }

  /** What the exit file says; `undefined` when the workload never began. */
  exitFile(): number | "begun" | undefined {
    try {
      return parseExitFile(fs.readFileSync(`${this.path}/exit`, "latin1"));
    } catch {
      return undefined;
    }
  }

  /** A stream of output, of which at most `maxBytes` are kept: the head and the tail. */
  read(stream: OutputStream, maxBytes: number): LongExcerpt {
    const path = this.outputFile(stream);
    const size = this.outputSize(stream);
    return {
      truncated: size > maxBytes,
      size: Math.min(size, maxBytes),
      pieces: { [Symbol.iterator]: () => piecesOf(path, size, maxBytes) },
    };
  }

  /** The same as one text. */
  excerpt(stream: OutputStream, maxBytes: number): Excerpt {
    const { pieces, truncated } = this.read(stream, maxBytes);
    return { text: [...pieces].join(""), truncated };
  }

  /** How many bytes of a stream of output there are. */
  outputSize(stream: OutputStream): number {
    try {
      return fs.statSync(this.outputFile(stream)).size;
    } catch {
      return 0;
    }
  }

  /** What the files take on disk in bytes, each at least a block, and whether nothing was printed. */
  usage(): { bytes: number; isSilent: boolean } {
    let bytes = BLOCK;
    let isSilent = true;
    try {
      for (const name of fs.readdirSync(this.path)) {
        const { size } = fs.lstatSync(`${this.path}/${name}`);
        bytes += Math.max(BLOCK, size);
        if (size > 0 && name.endsWith(".log")) isSilent = false;
      }
    } catch {
      return { bytes: 0, isSilent };
    }
    return { bytes, isSilent };
  }

  /** Removes the folder, if it is there. */
  remove(): void {
    fs.rmSync(this.path, { recursive: true, force: true });
  }
}

function* piecesOf(path: string, size: number, maxBytes: number): Generator<string> {
  if (size === 0) return;
  const file = fs.openSync(path, "r");
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

function readAt(file: number, position: number, length: number): Uint8Array {
  const buffer = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const read = fs.readSync(file, buffer, filled, length - filled, position + filled);
    if (read === 0) break;
    filled += read;
  }
  return buffer.subarray(0, filled);
}
