/**
 * Removing what was uploaded.
 *
 * @module
 */
import { dirname } from "node:path";
import { messageOf, quoted } from "../errors.ts";
import type { RecordedFile } from "../journal/result_files.ts";
import type { Logger } from "../log.ts";
import { fingerprintOf, isBelow } from "./listing.ts";

/** What happened to a file: it is not there any more as it was sent, or it cannot be removed. */
export interface Cleaned {
  readonly seq: number;
  readonly state: "removed" | "left";
}

/** Removes files that are as they were sent, and the folders below `root` that this empties. */
export function removeUploaded(
  files: readonly RecordedFile[],
  root: string,
  logger: Logger,
): Cleaned[] {
  const cleaned = files.map((file) => ({ seq: file.seq, state: removeFile(file, logger) }));
  removeEmptied(files, root);
  return cleaned;
}

function removeFile({ path, fingerprint }: RecordedFile, logger: Logger): "removed" | "left" {
  try {
    if (fingerprintOf(Deno.lstatSync(path)) === fingerprint) Deno.removeSync(path);
    else logger.warn(`Left ${quoted(path)} where it is: it changed after it was uploaded`);
    return "removed";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "removed";
    logger.warn(`Cannot remove ${quoted(path)}, which is uploaded: ${messageOf(error)}`);
    return "left";
  }
}

/** Removes the folders below `folder` that are empty now that `files` are removed. */
export function removeEmptied(files: readonly { readonly path: string }[], folder: string): void {
  try {
    const root = Deno.realPathSync(folder);
    for (let path of new Set(files.map(({ path }) => dirname(path)))) {
      for (; isBelow(root, path); path = dirname(path)) {
        if (!removeIfEmpty(path)) break;
      }
    }
  } catch {
    // The results folder itself was removed.
  }
}

/** Whether there is no such folder any more. */
function removeIfEmpty(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
