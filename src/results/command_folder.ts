/**
 * The results folder of one command.
 *
 * @module
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { messageOf, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";

/** The results folder of one command, and what the node keeps beside it. */
export class CommandFolder {
  /** Names one; it may not exist. */
  constructor(readonly path: string) {}

  /** Where the workload is to leave its results. */
  get own(): string {
    return join(this.path, "files");
  }

  /** Where the node moves what the workload left in the shared results folder. */
  get moved(): string {
    return join(this.path, "moved");
  }

  /** A copy that is not complete. */
  get partial(): string {
    return join(this.path, "partial");
  }

  /** What was in the shared results folder before the workload started. */
  get snapshot(): string {
    return join(this.path, "before.json");
  }

  /** Creates it, unless it is there, and calls `prepare` before anything can be left in it. */
  create(prepare: () => void): void {
    if (fs.existsSync(this.own)) return;
    fs.mkdirSync(this.path, { recursive: true, mode: 0o700 });
    prepare();
    fs.mkdirSync(this.own, { mode: 0o700 });
  }

  /**
   * Removes it. Files that are still in it, because the workload failed or because they were not
   * to be sent, move to `kept`, which lasts as long as the workload's output.
   */
  close(kept: string, logger: Logger): void {
    if (!fs.existsSync(this.path)) return;
    for (const file of [this.snapshot, this.partial]) fs.rmSync(file, { force: true });
    if (removeEmptyFolders(this.path)) return;
    try {
      fs.renameSync(this.path, kept);
      logger.info(`Files that are no results to be sent are kept in ${quoted(kept)}`);
    } catch (error) {
      logger.warn(`Files are left in ${quoted(this.path)}: ${messageOf(error)}`);
    }
  }
}

/** Removes the empty folders in `path`, and `path` itself if nothing is left. Whether nothing is. */
function removeEmptyFolders(path: string): boolean {
  try {
    let isEmpty = true;
    for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
      isEmpty = entry.isDirectory() && removeEmptyFolders(join(path, entry.name)) && isEmpty;
    }
    if (isEmpty) fs.rmdirSync(path);
    return isEmpty;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT";
  }
}
