/**
 * The state folder: what a node remembers between runs, readable by its user alone.
 *
 * @module
 */
import * as fs from "node:fs";
import { dirname, sep } from "node:path";
import { ConfigError, messageOf, quoted } from "../errors.ts";

/** The mode bit of folders that everybody may write to, such as /tmp. */
const STICKY = 0o1000;

/**
 * Makes `folder` a directory of mode 0700, whatever the umask and whatever its mode was. Refuses one
 * that others need: the root of the file system, and those that the user's `home` lies in.
 */
export function makePrivateFolder(folder: string, home?: string): void {
  try {
    refusePath(folder);
    refuseShared(folder, home);
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    refusePath(fs.realpathSync(folder));
    fs.chmodSync(folder, 0o700);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`Cannot use ${quoted(folder)} as state folder: ${messageOf(error)}`, {
      hint: "Make it a folder that this user may write, or name another with --state-folder " +
        "(CYBERWAVE_EDGE_CONFIG_DIR)",
      cause: error,
    });
  }
}

/** SQLite opens no file whose path has more than 504 bytes. */
const MAX_PATH_BYTES = 450;

/** Refuses what some part of the node, of the shell or of systemd would not take. */
function refusePath(folder: string): void {
  const { length } = new TextEncoder().encode(folder);
  if (length > MAX_PATH_BYTES) {
    throw new Error(`its path has ${length} bytes, more than ${MAX_PATH_BYTES}`);
  }
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(folder)) throw new Error("its path has a control character in it");
}

function refuseShared(folder: string, home: string | undefined): void {
  const found = fs.statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return;
  const path = fs.realpathSync(folder);
  const isRoot = dirname(path) === path;
  const holdsHome = home?.startsWith(path + sep) ?? false;
  if (!isRoot && !holdsHome && (found.mode & STICKY) === 0) return;
  throw new ConfigError(`Cannot use ${quoted(folder)} as state folder: others share it`, {
    hint: "Name a folder of its own, such as one below it",
  });
}

/** Free space below which new work is refused, so that what runs can finish: 32 MiB. */
export const MIN_FREE_BYTES: number = 32 * 1024 * 1024;

/** Whether less than that is left on the file system of `folder`, or it does not say. */
export function isDiskFull(folder: string): boolean {
  try {
    return freeBytes(folder) < MIN_FREE_BYTES;
  } catch {
    return true;
  }
}

/** How many bytes may still be written to the file system of `folder`, also when somebody removed it. */
export function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = fs.statfsSync(folder);
    return bavail * bsize;
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    return freeBytes(dirname(folder));
  }
}
