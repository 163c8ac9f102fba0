/**
 * Finding the files that a workload left.
 *
 * @module
 */
import { isAbsolute, join, relative } from "node:path";
import { messageOf, quoted } from "../errors.ts";
import type { FoundFile } from "../journal/result_files.ts";
import type { Logger } from "../log.ts";

/** Every regular file in `folder` and below, in the order of their paths. No link is followed. */
export function listResults(folder: string, logger: Logger): FoundFile[] {
  const root = existing(() => Deno.realPathSync(folder), folder, logger);
  if (root === undefined) return [];
  const found = new Map<string, FoundFile>();
  const folders = [root];
  for (let here = folders.pop(); here !== undefined; here = folders.pop()) {
    const path = here;
    for (const entry of existing(() => [...Deno.readDirSync(path)], path, logger) ?? []) {
      const path = join(here, entry.name);
      if (entry.isDirectory) folders.push(path);
      else if (entry.isSymlink) warnOfLink(path, root, logger);
      else if (entry.isFile) {
        const info = existing(() => Deno.lstatSync(path), path, logger);
        if (info?.isFile) found.set(path, foundFile(path, info));
      }
    }
  }
  return [...found.values()].sort((a, b) => a.path < b.path ? -1 : 1);
}

/** What tells a file from any other at its path, and from itself once it is changed. */
export function fingerprintOf({ ino, size, mtime }: Deno.FileInfo): string {
  return `${ino}-${size}-${mtime?.getTime()}`;
}

/** Whether `path` is below `folder`. Both are absolute. */
export function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && !isAbsolute(way) && !/^\.\.(?=[/\\]|$)/.test(way);
}

function foundFile(path: string, info: Deno.FileInfo): FoundFile {
  return { path, size: info.size, fingerprint: fingerprintOf(info) };
}

/** What `look` sees at `path`; `undefined`, with a warning where one is due, when it sees nothing. */
function existing<T>(look: () => T, path: string, logger: Logger): T | undefined {
  try {
    return look();
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
  const target = existing(() => Deno.realPathSync(path), path, logger);
  if (target === undefined || isBelow(root, target)) return;
  logger.warn(
    `Not uploaded: ${quoted(path)}, a link out of the results folder to ${quoted(target)}: ` +
      "copy the file there instead",
  );
}
