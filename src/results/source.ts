/**
 * Reading a result file while it is sent.
 *
 * @module
 */
import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { CloudNodeError, messageOf, quoted } from "../errors.ts";
import type { ResultFile } from "../journal/result_files.ts";
import { fingerprintOf } from "./listing.ts";

/** A result file cannot be read, or is not what the workload left. */
export class ResultFileError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
  /** Whether reading it again would fail again. */
  override readonly permanent: boolean;

  /** Makes an error that no retry helps, unless `permanent` is false. */
  constructor(message: string, { permanent = true }: { permanent?: boolean } = {}) {
    super(message);
    this.permanent = permanent;
  }
}

/** How much is read at a time. What larger pieces win in speed, they cost in memory several times. */
const CHUNK_BYTES = 16 * 1024;

/** Opens a file to read it. A link is not followed, and a FIFO in its place blocks nobody. */
export async function openToRead(path: string): Promise<fs.FileHandle> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  return await fs.open(path, O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0));
}

/**
 * A file as it was recorded or, if it `mayChange`, as it was when an attempt to send it began: it is
 * read as that, or not at all.
 */
export class ResultSource {
  /** Why it could not be read to its end, where that is so. */
  failure: ResultFileError | undefined;
  #file: ResultFile;
  readonly #mayChange: boolean;
  readonly #onRead: (bytes: number) => void;

  /** Reads `file`, and reports every piece to `onRead`. */
  constructor(
    file: ResultFile,
    { mayChange, onRead }: { mayChange: boolean; onRead(bytes: number): void },
  ) {
    this.#file = file;
    this.#mayChange = mayChange;
    this.#onRead = onRead;
  }

  /** How many bytes there are. */
  get size(): number {
    return this.#file.size;
  }

  /** What the file is now, if that differs from what it was and may. */
  async changed(): Promise<ResultFile | undefined> {
    const info = await this.#lstat();
    const fingerprint = fingerprintOf(info);
    if (fingerprint === this.#file.fingerprint) return undefined;
    if (!this.#mayChange) throw this.#isAnother();
    if (!info.isFile()) throw new ResultFileError(this.#cannotUpload("it is not a file any more"));
    return this.#file = { ...this.#file, size: info.size, fingerprint };
  }

  /** Makes sure that the file is still what was read. */
  async check(): Promise<void> {
    this.#compare(await this.#lstat());
  }

  /** Its bytes. Each stream opens the file for itself, and closes it however it ends. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return ReadableStream.from(this.#chunks());
  }

  async *#chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { path, size } = this.#file;
    let file: fs.FileHandle | undefined;
    try {
      file = await openToRead(path);
      this.#compare(await file.stat());
      for (let left = size; left > 0;) {
        const chunk = new Uint8Array(Math.min(CHUNK_BYTES, left));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
        if (bytesRead === 0) throw this.#isAnother();
        left -= bytesRead;
        this.#onRead(bytesRead);
        yield chunk.subarray(0, bytesRead);
      }
    } catch (error) {
      this.failure = this.#explain(error);
      throw this.failure;
    } finally {
      await file?.close();
    }
  }

  async #lstat() {
    try {
      return await fs.lstat(this.#file.path);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #compare(info: Parameters<typeof fingerprintOf>[0]): void {
    if (fingerprintOf(info) !== this.#file.fingerprint) throw this.#isAnother();
  }

  #isAnother(): ResultFileError {
    const why = this.#mayChange ? "it is being written" : "it changed after the workload had ended";
    return new ResultFileError(this.#cannotUpload(why), { permanent: !this.#mayChange });
  }

  #explain(error: unknown): ResultFileError {
    if (error instanceof ResultFileError) return error;
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const why = isMissing ? "it was removed after the workload had ended" : messageOf(error);
    return new ResultFileError(this.#cannotUpload(why));
  }

  #cannotUpload(why: string): string {
    return `Cannot upload ${quoted(this.#file.path)}: ${why}`;
  }
}
