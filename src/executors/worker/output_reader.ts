/**
 * Reads what a worker appends to a file, line by line.
 *
 * @module
 */
import * as fs from "node:fs";

/** A longer line is not kept. */
export const MAX_LINE: number = 4 * 1024 * 1024;

/** How much is read at a time. */
const PIECE = 256 * 1024;

/** Of a longer line so much of its beginning and of its end is handed on. */
const BEGINNING = 1024;
const END = 256;

const LINE_BREAK = 0x0a;

/** Reads a file that grows, and that is emptied now and then. */
export class OutputReader {
  readonly #path: string;
  readonly #onLine: (line: string, isCut: boolean) => void;
  readonly #piece = new Uint8Array(PIECE);
  #file: number | undefined;
  #position: number;
  /** The beginning of a line that is not whole yet. */
  #rest: Uint8Array[] = [];
  #restSize = 0;
  /** The last bytes of what is too much of a line. */
  #end: Uint8Array = new Uint8Array();

  /** Reads from a position on. A line that was cut is its beginning and its end. */
  constructor(path: string, position: number, onLine: (line: string, isCut: boolean) => void) {
    this.#path = path;
    this.#position = position;
    this.#onLine = onLine;
  }

  /** How far it was read. */
  get position(): number {
    return this.#position;
  }

  /** Reads what is new. */
  read(): void {
    this.#file ??= this.#open();
    if (this.#file === undefined) return;
    for (let size = Infinity; this.#position < size;) {
      const count = fs.readSync(this.#file, this.#piece, 0, PIECE, this.#position);
      if (count === 0) {
        if (this.#position === 0 || fs.fstatSync(this.#file).size >= this.#position) return;
        // It was emptied.
        this.#position = 0;
        continue;
      }
      this.#position += count;
      this.#take(this.#piece.subarray(0, count));
      // Most reads are short, and asking for the size first takes longer than they do.
      if (count < PIECE) return;
      if (size === Infinity) size = fs.fstatSync(this.#file).size;
    }
  }

  /** Hands on what has no line break at its end. */
  end(): void {
    if (this.#restSize > 0) this.#endLine();
  }

  /** Empties the file, once all of it was read. */
  empty(): void {
    this.read();
    if (this.#file === undefined || this.#restSize > 0) return;
    fs.truncateSync(this.#path, 0);
    this.#position = 0;
  }

  /** Closes the file. */
  close(): void {
    if (this.#file !== undefined) fs.closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): number | undefined {
    try {
      return fs.openSync(this.#path, "r");
    } catch {
      return undefined;
    }
  }

  #take(bytes: Uint8Array): void {
    let start = 0;
    for (let end = bytes.indexOf(LINE_BREAK); end !== -1; end = bytes.indexOf(LINE_BREAK, start)) {
      this.#add(bytes.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#add(bytes.subarray(start));
  }

  #add(bytes: Uint8Array): void {
    const room = Math.max(0, MAX_LINE - this.#restSize);
    if (room > 0 && bytes.length > 0) this.#rest.push(bytes.slice(0, room));
    this.#restSize += bytes.length;
    if (bytes.length > room) this.#end = lastOf(this.#end, bytes.subarray(room));
  }

  #endLine(): void {
    const isCut = this.#restSize > MAX_LINE;
    const [first] = this.#rest;
    const line = new Uint8Array(Math.min(this.#restSize, MAX_LINE));
    let position = 0;
    for (const part of this.#rest) {
      line.set(part, position);
      position += part.length;
    }
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const shown = isCut
      ? `${decode(first!.subarray(0, BEGINNING))} [...] ${decode(lastOf(line, this.#end))}`
      : decode(line);
    this.#rest = [];
    this.#restSize = 0;
    this.#end = new Uint8Array();
    this.#onLine(shown, isCut);
  }
}

/** The last bytes of two parts that follow each other. */
function lastOf(first: Uint8Array, second: Uint8Array): Uint8Array {
  const parts = [first.subarray(-END), second.subarray(-END)];
  return new Uint8Array(parts.flatMap((part) => [...part])).subarray(-END);
}
