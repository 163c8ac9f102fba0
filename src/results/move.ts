/**
 * Moving result files out of the way of the next workload. Whenever this is interrupted, each file
 * is still whole in its old or its new place, and the next attempt goes on.
 *
 * @module
 */
import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, quoted } from "../errors.ts";
import type { ResultFile } from "../journal/result_files.ts";
import type { Logger } from "../log.ts";
import { syncFolder } from "../os/sync_folder.ts";
import { fingerprintOf } from "./listing.ts";
import { openToRead } from "./source.ts";

/** Where files are moved. */
interface Destination {
  /** The folder that gets them, each under its name. */
  readonly folder: string;
  /** Where a copy is made, on the same disk. */
  readonly partial: string;
}

/**
 * Moves files: renames them or, on another disk, copies them and removes the originals once the copy
 * is durable. Returns those that had to stay where they are.
 */
export async function moveFiles(
  files: readonly ResultFile[],
  destination: Destination,
  logger: Logger,
): Promise<ResultFile[]> {
  const left: ResultFile[] = [];
  const folders = new Set<string>();
  for (const file of files) {
    const target = join(destination.folder, file.name);
    try {
      await fs.mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await moveFile(file, target, destination.partial, logger);
      folders.add(dirname(target));
    } catch (error) {
      if (codeOf(error) === "ENOENT") continue;
      logger.warn(
        `Cannot move ${quoted(file.path)}, so it is uploaded from there: ${messageOf(error)}`,
      );
      left.push(file);
    }
  }
  for (const folder of folders) await trySync(folder);
  return left;
}

async function moveFile(
  file: ResultFile,
  target: string,
  partial: string,
  logger: Logger,
): Promise<void> {
  const there = await fs.lstat(target).catch(() => undefined);
  if (there !== undefined) {
    // An interrupted attempt made this copy. What differs was written since, by somebody else.
    if (isCopy(there, await fs.lstat(file.path))) await fs.unlink(file.path);
    return;
  }
  try {
    return await fs.rename(file.path, target);
  } catch (error) {
    if (codeOf(error) !== "EXDEV") throw error;
  }
  if (!await copyUnchanged(file.path, partial)) {
    return logger.warn(`Not uploaded: ${quoted(file.path)}, because it is still being written`);
  }
  await fs.rename(partial, target);
  await trySync(dirname(target));
  try {
    await fs.unlink(file.path);
  } catch (error) {
    // Both would be sent, one of them by the next workload.
    await fs.unlink(target);
    throw error;
  }
}

const COPY_ATTEMPTS = 3;

/** Copies a file to the disk. Whether it was not written to meanwhile. */
async function copyUnchanged(path: string, copy: string): Promise<boolean> {
  const source = await openToRead(path);
  try {
    for (let attempt = 1; attempt <= COPY_ATTEMPTS; attempt++) {
      const before = await source.stat();
      if (!before.isFile()) throw new Error("it is not a regular file");
      await fs.rm(copy, { force: true });
      const target = await fs.open(copy, "wx", 0o600);
      try {
        await copyBytes(source, target, before.size);
        await target.utimes(before.atime, before.mtime);
        await target.sync();
      } finally {
        await target.close();
      }
      if (fingerprintOf(await source.stat()) === fingerprintOf(before)) return true;
    }
    await fs.rm(copy, { force: true });
    return false;
  } catch (error) {
    await fs.rm(copy, { force: true });
    throw error;
  } finally {
    await source.close();
  }
}

async function copyBytes(
  source: fs.FileHandle,
  target: fs.FileHandle,
  size: number,
): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  for (let position = 0; position < size;) {
    const length = Math.min(buffer.length, size - position);
    const { bytesRead } = await source.read(buffer, 0, length, position);
    if (bytesRead === 0) return;
    for (let written = 0; written < bytesRead;) {
      const { bytesWritten } = await target.write(
        buffer,
        written,
        bytesRead - written,
        position + written,
      );
      written += bytesWritten;
    }
    position += bytesRead;
  }
}

interface Times {
  readonly size: number;
  readonly mtime: Date;
}

function isCopy(copy: Times, original: Times): boolean {
  return copy.size === original.size && copy.mtime.getTime() === original.mtime.getTime();
}

/** Syncs the names in a folder. Some file systems that results are on cannot. */
async function trySync(folder: string): Promise<void> {
  await syncFolder(folder).catch(() => {});
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
