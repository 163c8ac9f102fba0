/**
 * The file in which a workload reports its progress: JSON objects, one per line, of which the last
 * one counts. A workload may put anything in its place, and may write as much as it likes.
 *
 * @module
 */
import * as fs from "node:fs";
import { lstat, openRegularFile, readAt } from "../os/regular_file.ts";
import { type Progress, readProgress } from "../protocol/progress.ts";

/** How much of the end of the file is read. */
const MAX_BYTES = 16 * 1024;

/** How many lines are searched for the latest progress, from the end. */
const MAX_LINES = 20;

/** What was found in the file. */
export interface FoundProgress {
  /** The latest progress; `undefined`: there is none. */
  readonly progress: Progress | undefined;
  /** What is wrong with the file, or with a line after the latest progress. */
  readonly problem?: string;
}

/** The latest progress in a file. */
export function latestProgress(path: string): FoundProgress {
  const stat = lstat(path);
  if (stat === undefined) return { progress: undefined };
  if (!stat.isFile) return { progress: undefined, problem: "it is not a regular file" };
  let text: string;
  try {
    text = endOf(path);
  } catch {
    return { progress: undefined, problem: "it cannot be read" };
  }
  return latestIn(text);
}

/** The latest progress in text, whose last line may not be whole yet. */
export function latestIn(text: string): FoundProgress {
  const lines = text.split("\n");
  const unfinished = parse(lines.pop()!);
  if (unfinished !== undefined) return { progress: unfinished };
  let problem: string | undefined;
  for (const line of lines.slice(-MAX_LINES).reverse()) {
    if (line.trim() === "") continue;
    const progress = parse(line);
    if (progress !== undefined) return { progress, ...(problem && { problem }) };
    problem ??= 'a line is not of the form {"progress":0.4,"message":"..."}';
  }
  return { progress: undefined, ...(problem && { problem }) };
}

/** Follows such a file. Looking costs next to nothing while it does not change. */
export class ProgressFile {
  readonly #path: string;
  #seen = "";

  /** Follows the file at `path`, which may never exist. */
  constructor(path: string) {
    this.#path = path;
  }

  /** What is new since the last call; `undefined`: nothing is. */
  look(): FoundProgress | undefined {
    const stat = lstat(this.#path);
    if (stat === undefined) return undefined;
    const seen = `${stat.ino} ${stat.size} ${stat.mtime?.getTime()}`;
    if (seen === this.#seen) return undefined;
    this.#seen = seen;
    return latestProgress(this.#path);
  }

  /** What is in the file, whether or not it is new. */
  read(): FoundProgress {
    return latestProgress(this.#path);
  }
}

function endOf(path: string): string {
  const file = openRegularFile(path);
  try {
    const { size } = fs.fstatSync(file);
    const start = Math.max(0, size - MAX_BYTES);
    const text = new TextDecoder().decode(readAt(file, start, MAX_BYTES));
    // The line that it begins with is cut.
    return start === 0 ? text : text.slice(text.indexOf("\n") + 1);
  } finally {
    fs.closeSync(file);
  }
}

function parse(line: string): Progress | undefined {
  try {
    return readProgress(JSON.parse(line));
  } catch {
    return undefined;
  }
}
