/**
 * Reading a result file while it is sent.
 *
 * @module
 */
import { CloudNodeError, messageOf, quoted } from "../errors.ts";
import type { FoundFile } from "../journal/result_files.ts";
import { fingerprintOf } from "./listing.ts";

/** A result file cannot be read, or is not what the workload left. Trying again does not help. */
export class ResultFileError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
}

/** How much is read at a time. What larger pieces win in speed, they cost in memory several times. */
const CHUNK_BYTES = 16 * 1024;

/** A file as it was found: it is read as that, or not at all. */
export class ResultSource {
  /** Why it could not be read to its end, where that is so. */
  failure: ResultFileError | undefined;
  readonly #file: FoundFile;
  readonly #onRead: (bytes: number) => void;

  /** Reads `file`, and tells `onRead` of every piece. */
  constructor(file: FoundFile, onRead: (bytes: number) => void) {
    this.#file = file;
    this.#onRead = onRead;
  }

  /** How many bytes there are. */
  get size(): number {
    return this.#file.size;
  }

  /** Makes sure that the file is still as it was found. */
  async check(): Promise<void> {
    try {
      this.#compare(await Deno.lstat(this.#file.path));
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** Its bytes. Each stream opens the file for itself, and closes it however it ends. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return ReadableStream.from(this.#chunks());
  }

  async *#chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { path, size } = this.#file;
    try {
      using file = await Deno.open(path);
      this.#compare(await file.stat());
      for (let left = size; left > 0;) {
        const chunk = new Uint8Array(Math.min(CHUNK_BYTES, left));
        const read = await file.read(chunk);
        if (read === null) throw this.#changed();
        left -= read;
        this.#onRead(read);
        yield chunk.subarray(0, read);
      }
    } catch (error) {
      this.failure = this.#explain(error);
      throw this.failure;
    }
  }

  #compare(info: Deno.FileInfo): void {
    if (fingerprintOf(info) !== this.#file.fingerprint) throw this.#changed();
  }

  #changed(): ResultFileError {
    return new ResultFileError(
      `Cannot upload ${quoted(this.#file.path)}: it changed after the workload had ended`,
    );
  }

  #explain(error: unknown): ResultFileError {
    if (error instanceof ResultFileError) return error;
    const why = error instanceof Deno.errors.NotFound
      ? "it was removed after the workload had ended"
      : messageOf(error);
    return new ResultFileError(`Cannot upload ${quoted(this.#file.path)}: ${why}`);
  }
}
