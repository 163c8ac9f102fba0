/**
 * How a workload's two streams grew together: when each had how many bytes. The streams are two
 * files, and nothing else shows in which order they were written.
 *
 * The node notes it while it looks for new output, from 20 to 50 ms apart: what came in between has
 * no order. What a job prints while there is no node has none either.
 *
 * @module
 */
import * as fs from "node:fs";
import { openRegularFile, readAt } from "../os/regular_file.ts";
import type { WorkloadFolder } from "./folder.ts";

/** The sizes of both streams at a moment. */
export interface Growth {
  /** When that was, in milliseconds since the epoch. */
  readonly at: number;
  /** How many bytes standard output had. */
  readonly stdout: number;
  /** How many bytes standard error had. */
  readonly stderr: number;
}

const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;

/** After so many entries, and after each further multiple, entries get further apart. */
const ENTRIES = 4096;

/** How far apart they are then. */
const FIRST_GAP_MS = 250;

/** A node never writes a larger index. */
const MAX_BYTES = 16 * 1024 * 1024;

function indexFile(folder: WorkloadFolder): string {
  return `${folder.path}/output.index`;
}

/** Writes down how the streams of a workload grow. */
export class OutputIndex {
  readonly #path: string;
  #unwritten: Growth[] = [];
  #count = 0;
  #last: Growth | undefined;
  #isBroken = false;

  /** Writes nothing yet: a workload that prints all at once needs no index. */
  constructor(folder: WorkloadFolder) {
    this.#path = indexFile(folder);
  }

  /**
   * Records the sizes now, if one of them has grown. Never throws: without it only the order is
   * unknown.
   */
  note(growth: Growth): void {
    const last = this.#last;
    if (last?.stdout === growth.stdout && last.stderr === growth.stderr) return;
    // A job that prints for months must not fill the disk with this.
    const periods = Math.floor(this.#count / ENTRIES);
    const gap = periods === 0 ? 0 : FIRST_GAP_MS * 2 ** (periods - 1);
    if (last !== undefined && growth.at >= last.at && growth.at - last.at < gap) return;
    this.#last = growth;
    this.#count++;
    this.#unwritten.push(growth);
    if (this.#count === 1 || this.#isBroken) return;
    try {
      this.#append(this.#unwritten.splice(0));
    } catch {
      this.#isBroken = true;
      this.#unwritten = [];
    }
  }

  #append(entries: readonly Growth[]): void {
    // The workload may have put something else in its place.
    const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
    const file = fs.openSync(this.#path, flags, 0o600);
    try {
      if (!fs.fstatSync(file).isFile()) throw new Error("it is not a regular file");
      const lines = entries.map(({ at, stdout, stderr }) => `${at} ${stdout} ${stderr}\n`);
      fs.writeSync(file, lines.join(""));
    } finally {
      fs.closeSync(file);
    }
  }
}

/** How the streams of a workload grew, as far as that was recorded. Neither ever shrinks. */
export function readOutputIndex(folder: WorkloadFolder): Growth[] {
  let text: string;
  try {
    const file = openRegularFile(indexFile(folder));
    try {
      text = new TextDecoder().decode(
        readAt(file, 0, Math.min(MAX_BYTES, fs.fstatSync(file).size)),
      );
    } finally {
      fs.closeSync(file);
    }
  } catch {
    return [];
  }
  const grown: Growth[] = [];
  let [stdout, stderr] = [0, 0];
  for (const [, at, out, err] of text.matchAll(/^(\d{1,15}) (\d{1,15}) (\d{1,15})$/gm)) {
    stdout = Math.max(stdout, Number(out));
    stderr = Math.max(stderr, Number(err));
    grown.push({ at: Number(at), stdout, stderr });
  }
  return grown;
}
