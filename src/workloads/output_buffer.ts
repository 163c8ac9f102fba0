/**
 * What a command prints that is not a process of its own: in memory while it is little, and then in
 * the files of its folder. A million such commands a day leave no files.
 *
 * @module
 */
import * as fs from "node:fs";
import type { OutputStream, SmallOutput, WorkloadFolder } from "./folder.ts";

/** A stream with more than this goes into a file. */
export const MAX_SMALL_OUTPUT: number = 64 * 1024;

/** The output of one command. */
export class OutputBuffer implements Disposable {
  /** What is in no file: as it is at each look. */
  readonly small: SmallOutput;
  readonly #streams: Readonly<Record<OutputStream, BufferedStream>>;

  /** Begins empty. A stream keeps no more than `maxFile` bytes of what is written. */
  constructor(folder: WorkloadFolder, maxFile: number = Infinity) {
    const [stdout, stderr] = (["stdout", "stderr"] as const).map((name) =>
      new BufferedStream(folder, name, maxFile)
    ) as [BufferedStream, BufferedStream];
    this.#streams = { stdout, stderr };
    this.small = {
      get stdout() {
        return stdout.small;
      },
      get stderr() {
        return stderr.small;
      },
    };
  }

  /** Adds to a stream. Throws when it belongs into a file that cannot be written. */
  write(stream: OutputStream, bytes: Uint8Array): void {
    this.#streams[stream].write(bytes);
  }

  /** Puts what is in memory into files, for those who follow a command that takes a while. */
  spill(): void {
    for (const stream of Object.values(this.#streams)) if (!stream.isEmpty) stream.spill();
  }

  /** What is in no file, for good. */
  end(): SmallOutput {
    this[Symbol.dispose]();
    const { stdout, stderr } = this.small;
    return { ...(stdout && { stdout }), ...(stderr && { stderr }) };
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    for (const stream of Object.values(this.#streams)) stream.close();
  }
}

class BufferedStream {
  readonly #folder: WorkloadFolder;
  readonly #name: OutputStream;
  readonly #maxFile: number;
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #size = 0;
  #file: number | undefined;
  #isInFile = false;
  #isFull = false;

  constructor(folder: WorkloadFolder, name: OutputStream, maxFile: number) {
    this.#folder = folder;
    this.#name = name;
    this.#maxFile = maxFile;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** What is in memory; `undefined`: it is in a file. */
  get small(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#isInFile) return undefined;
    if (this.#pieces.length === 1) return this.#pieces[0];
    const bytes = new Uint8Array(this.#size);
    let position = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, position);
      position += piece.length;
    }
    this.#pieces = [bytes];
    return bytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#isFull || bytes.length === 0) return;
    const kept = bytes.subarray(0, this.#maxFile - this.#size);
    this.#size += kept.length;
    if (!this.#isInFile) {
      this.#pieces.push(kept.slice());
      if (this.#size > MAX_SMALL_OUTPUT) this.spill();
    } else {
      this.#append(kept);
    }
    if (kept.length === bytes.length) return;
    this.#isFull = true;
    const note = `\n[... there is more than ${this.#maxFile} bytes: the rest is not kept ...]\n`;
    this.#append(new TextEncoder().encode(note));
  }

  spill(): void {
    if (this.#isInFile) return;
    this.#folder.create();
    // An earlier node may have written some of it.
    this.#file = fs.openSync(this.#folder.outputFile(this.#name), "a", 0o600);
    this.#isInFile = true;
    for (const piece of this.#pieces) this.#append(piece);
    this.#pieces = [];
  }

  close(): void {
    if (this.#file !== undefined) fs.closeSync(this.#file);
    this.#file = undefined;
  }

  #append(bytes: Uint8Array): void {
    if (!this.#isInFile) this.spill();
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(fs.writeSync(this.#file!, rest));
  }
}
