/**
 * The body of an answer: in memory while it is small, then in a file of the workload's folder.
 *
 * @module
 */
import * as fs from "node:fs";
import { readAt } from "../../os/regular_file.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import { unescaped } from "./json_string.ts";
import { MemberFinder, type Span } from "./member_finder.ts";

/** How much is kept in memory. */
const MAX_IN_MEMORY = 64 * 1024;

/** How much of a file is in memory at a time. */
const PIECE = 64 * 1024;

/** The name of that file, until the output is taken from it. */
const BODY_FILE = "answer";

const QUOTE = 0x22;
const SPACE = 0x20;

/** A body that arrives in pieces. */
export class AnswerBody implements Disposable {
  readonly #folder: WorkloadFolder;
  readonly #finder = new MemberFinder();
  #pieces: Uint8Array[] = [];
  #file: number | undefined;
  #size = 0;

  /** Makes an empty one, whose file belongs into `folder`, which may not exist. */
  constructor(folder: WorkloadFolder) {
    this.#folder = folder;
  }

  /** How many bytes have arrived. */
  get size(): number {
    return this.#size;
  }

  /** The members that have arrived, if it is an object. */
  get members(): ReadonlyMap<string, Span> {
    return this.#finder.members;
  }

  /** Takes the next bytes. Throws when they cannot be written. */
  add(bytes: Uint8Array): void {
    this.#finder.push(bytes);
    this.#size += bytes.length;
    if (this.#file === undefined && this.#size > MAX_IN_MEMORY) this.#openFile();
    if (this.#file === undefined) this.#pieces.push(bytes);
    else writeAll(this.#file, bytes);
  }

  /** The bytes between two positions. */
  read(start: number, end: number): Uint8Array {
    if (this.#file !== undefined) return readAt(this.#file, start, end - start);
    if (this.#pieces.length > 1) this.#pieces = [joined(this.#pieces, this.#size)];
    return (this.#pieces[0] ?? new Uint8Array()).subarray(start, end);
  }

  /** Removes its file. */
  [Symbol.dispose](): void {
    this.#pieces = [];
    if (this.#file === undefined) return;
    fs.closeSync(this.#file);
    this.#file = undefined;
    fs.rmSync(`${this.#folder.path}/${BODY_FILE}`, { force: true });
  }

  /**
   * The output between two positions, in pieces: a JSON string (`isJson`) is decoded, anything else
   * is passed on as it is. Throws if it cannot be read.
   */
  output(span: Span, isJson: boolean): Iterable<Uint8Array> {
    const { start, end } = this.#trimmed(span);
    const isQuote = (at: number) => this.read(at, at + 1)[0] === QUOTE;
    const isString = isJson && end - start >= 2 && isQuote(start) && isQuote(end - 1);
    if (isString) return unescaped(this.#piecesBetween(start + 1, end - 1));
    return isJson ? this.#piecesBetween(start, end) : this.#piecesBetween(span.start, span.end);
  }

  /** Without white space around it. */
  #trimmed({ start, end }: Span): Span {
    while (start < end && this.read(start, start + 1)[0]! <= SPACE) start++;
    while (start < end && this.read(end - 1, end)[0]! <= SPACE) end--;
    return { start, end };
  }

  *#piecesBetween(start: number, end: number): Generator<Uint8Array> {
    for (let at = start; at < end; at += PIECE) yield this.read(at, Math.min(end, at + PIECE));
  }

  #openFile(): void {
    this.#folder.create();
    const path = `${this.#folder.path}/${BODY_FILE}`;
    fs.rmSync(path, { force: true });
    this.#file = fs.openSync(path, "wx+", 0o600);
    for (const piece of this.#pieces) writeAll(this.#file, piece);
    this.#pieces = [];
  }
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(file, bytes, at);
}
