/**
 * What was in the shared results folder before a workload started, to distinguish its files from those of
 * workloads that run at the same time.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf, quoted } from "../errors.ts";
import type { ResultFile } from "../journal/result_files.ts";
import type { Logger } from "../log.ts";

/** Files that were there before. */
interface Snapshot {
  /** Whether this file was there, and is unchanged. */
  has(file: ResultFile): boolean;
}

/** Writes a snapshot of `files` to `path`; no file stands for one without files. */
export function writeSnapshot(path: string, files: Iterable<ResultFile>): void {
  const known = Array.from(files, ({ name, fingerprint }) => [name, fingerprint]);
  if (known.length > 0) fs.writeFileSync(path, JSON.stringify(known), { mode: 0o600 });
}

/** Reads a snapshot. One that is damaged counts as one without files. */
export function readSnapshot(path: string, logger: Logger): Snapshot {
  const known = new Map<unknown, unknown>();
  try {
    if (fs.lstatSync(path, { throwIfNoEntry: false })?.isFile()) {
      const pairs: unknown = JSON.parse(fs.readFileSync(path, "utf8"));
      if (!Array.isArray(pairs)) throw new Error("it holds no list");
      for (const [name, fingerprint] of pairs) known.set(name, fingerprint);
    }
  } catch (error) {
    logger.warn(`Cannot read ${quoted(path)}, as if it were not there: ${messageOf(error)}`);
  }
  return { has: ({ name, fingerprint }) => known.get(name) === fingerprint };
}
