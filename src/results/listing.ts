/**
 * Finding the files that a workload left.
 *
 * @module
 */
import { isAbsolute, join, relative, sep } from "node:path";
import { messageOf, quoted } from "../errors.ts";
import type { ResultFile } from "../journal/result_files.ts";
import type { Logger } from "../log.ts";

/** Every regular file in the folder `root` and below. No link is followed, `root` itself included. */
export function* filesIn(root: string, logger: Logger): Generator<ResultFile> {
  if (!look(() => Deno.lstatSync(root), root, logger)?.isDirectory) return;
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const here = folder;
    for (const { name } of look(() => [...Deno.readDirSync(here)], here, logger) ?? []) {
      const path = join(here, name);
      const info = look(() => Deno.lstatSync(path), path, logger);
      if (info?.isDirectory) folders.push(path);
      else if (info?.isFile) yield resultFile(root, path, info);
      else if (info?.isSymlink) warnOfLink(path, root, logger);
      else if (info !== undefined) {
        logger.warn(`Not uploaded: ${quoted(path)}: it is not a regular file`);
      }
    }
  }
}

/** The same, in the order of their names, and without blocking the event loop for long. */
export async function listFiles(root: string, logger: Logger): Promise<ResultFile[]> {
  const files: ResultFile[] = [];
  for (const file of filesIn(root, logger)) {
    if (files.push(file) % FILES_PER_TURN === 0) await nextTurn();
  }
  return files.sort((a, b) => a.name < b.name ? -1 : 1);
}

const FILES_PER_TURN = 200;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Where a folder is that may be given as a link; `undefined` when there is none. */
export function folderAt(path: string, logger: Logger): string | undefined {
  const real = look(() => Deno.realPathSync(path), path, logger);
  if (real === undefined || look(() => Deno.lstatSync(real), path, logger)?.isDirectory) {
    return real;
  }
  logger.warn(`Not uploaded: ${quoted(path)}: it is not a folder`);
  return undefined;
}

/** Differs between files at one path, and once a file has changed. */
export function fingerprintOf(
  { ino, size, mtime }: Pick<Deno.FileInfo, "ino" | "size" | "mtime">,
): string {
  return `${ino}-${size}-${mtime?.getTime()}`;
}

/** Whether `path` is below `folder`. Both are absolute. */
export function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && !isAbsolute(way) && !/^\.\.(?=[/\\]|$)/.test(way);
}

function resultFile(root: string, path: string, info: Deno.FileInfo): ResultFile {
  const name = relative(root, path).replaceAll(sep, "/");
  return { path, name, size: info.size, fingerprint: fingerprintOf(info) };
}

/** What `see` returns; `undefined`, with a warning where one is due, when it finds nothing. */
function look<T>(see: () => T, path: string, logger: Logger): T | undefined {
  try {
    return see();
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    if (missing && path.includes("\ufffd")) {
      logger.warn(`Not uploaded: ${quoted(path)}, because its name is not UTF-8: rename it`);
    } else if (!missing) {
      logger.warn(`Not uploaded: ${quoted(path)}: ${messageOf(error)}`);
    }
    return undefined;
  }
}

/** What a link within the folder leads to is found by itself; nothing else is the workload's. */
function warnOfLink(path: string, root: string, logger: Logger): void {
  const target = look(() => Deno.realPathSync(path), path, logger);
  if (target === undefined || isBelow(root, target)) return;
  logger.warn(
    `Not uploaded: ${quoted(path)}, a link out of the results folder to ${quoted(target)}: ` +
      "copy the file there instead",
  );
}
