/**
 * Shows what workloads print in the node's own log, line by line.
 *
 * @module
 */
import { statSync } from "node:fs";
import { type Clock, isAbort } from "../time.ts";
import type { OutputStream, WorkloadFolder } from "./folder.ts";
import { LineSplitter } from "./line_splitter.ts";

/** How often output is looked for. */
const INTERVAL_MS = 250;

/**
 * How much a look shows of each stream, in bytes. Nobody reads a megabyte a second, and to log it
 * would take the node longer than the workload to print it.
 */
const MAX_SHOWN = 256 * 1024;

/**
 * Shows lines of a workload's output until `ended` aborts, and then what is left. `onlyNew` leaves
 * out what is there already, which an earlier node has shown.
 */
export async function mirrorOutput(
  folder: WorkloadFolder,
  show: (line: string) => void,
  { clock, ended, onlyNew }: { clock: Clock; ended: AbortSignal; onlyNew: boolean },
): Promise<void> {
  const tails = (["stdout", "stderr"] as const).map((stream) =>
    new Tail(folder, stream, show, onlyNew ? folder.outputSize(stream) : 0)
  );
  try {
    while (!ended.aborted) {
      await clock.sleep(INTERVAL_MS, ended);
      for (const tail of tails) await tail.read();
    }
  } catch (error) {
    if (!isAbort(error, ended)) throw error;
  }
  for (const tail of tails) {
    await tail.read();
    tail.end();
  }
}

/** Follows one file. */
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
  async read(): Promise<void> {
    // Most workloads print little: looking whether there is more must cost next to nothing.
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= this.#position) return;
    this.#skipTo(size - MAX_SHOWN);
    let file: Deno.FsFile;
    try {
      file = await Deno.open(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    using _ = file;
    await file.seek(this.#position, Deno.SeekMode.Start);
    const buffer = new Uint8Array(64 * 1024);
    // No further than the size seen: whatever writes without end must not hold us up.
    while (this.#position < size) {
      const read = await file.read(buffer);
      if (read === null) return;
      this.#position += read;
      this.#lines.push(buffer.subarray(0, read));
    }
  }

  /** Leaves out what comes before a position, if that is ahead, and says so. */
  #skipTo(position: number): void {
    const skipped = position - this.#position;
    if (skipped <= 0) return;
    this.#lines.end();
    this.#show(`[... ${skipped} bytes are not shown here; all output is in ${this.#path} ...]`);
    this.#position = position;
  }

  /** Shows a last line that has no line break. */
  end(): void {
    this.#lines.end();
  }
}
