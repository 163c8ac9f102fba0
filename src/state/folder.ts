/**
 * The state folder: what a node remembers between runs, readable by its user alone.
 *
 * @module
 */
import * as fs from "node:fs";
import { ConfigError, messageOf, quoted, StateFolderInUseError } from "../errors.ts";

/** The mode bit of folders that everybody may write to, such as /tmp. */
const STICKY = 0o1000;

/** Makes `folder` a directory of mode 0700, whatever the umask and whatever its mode was. */
export function makePrivateFolder(folder: string): void {
  try {
    refuseShared(folder);
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    fs.chmodSync(folder, 0o700);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`Cannot use ${quoted(folder)} as state folder: ${messageOf(error)}`, {
      hint:
        "Make it a folder that this user may write, or set CYBERWAVE_EDGE_CONFIG_DIR to another",
      cause: error,
    });
  }
}

function refuseShared(folder: string): void {
  const { mode = 0 } = fs.statSync(folder, { throwIfNoEntry: false }) ?? {};
  if ((mode & STICKY) === 0) return;
  throw new ConfigError(`Cannot use ${quoted(folder)} as state folder: others share it`, {
    hint: "Name a folder of its own, such as one below it",
  });
}

/**
 * Nodes compete for the first lock. To ask whether one runs is to take a lock for an instant, which
 * must not keep a node from starting: that is what the second one is for.
 */
const LOCK_FILE = "node.lock";
const RUNNING_FILE = "node.running";

/**
 * Claims the state folder for this node until the lock is disposed or the process ends, however it
 * ends.
 *
 * @throws {StateFolderInUseError} if another node has it.
 */
export function lockFolder(folder: string): Disposable {
  const lock = openToLock(`${folder}/${LOCK_FILE}`);
  try {
    if (!lock.tryLockSync(true)) throw inUse(folder, readPid(lock));
    lock.truncateSync();
    lock.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
    const running = openToLock(`${folder}/${RUNNING_FILE}`);
    // Only those have it who look, and they give it back at once.
    running.lockSync(true);
    return {
      [Symbol.dispose]() {
        running.close();
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** The process that holds the lock of `folder`; `undefined` when no node runs there. */
export function lockHolder(folder: string): number | undefined {
  try {
    using running = Deno.openSync(`${folder}/${RUNNING_FILE}`);
    // Shared, so that two who look don't take each other for a node.
    if (running.tryLockSync(false)) return undefined;
    using lock = Deno.openSync(`${folder}/${LOCK_FILE}`);
    return Number(readPid(lock));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function openToLock(path: string): Deno.FsFile {
  const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  fs.chmodSync(path, 0o600);
  return file;
}

function inUse(folder: string, pid: string): StateFolderInUseError {
  return new StateFolderInUseError(
    `Another node (process ${pid || "unknown"}) already uses the state folder ${quoted(folder)}`,
    { hint: "Stop it first, or set CYBERWAVE_EDGE_CONFIG_DIR to give this node its own" },
  );
}

function readPid(file: Deno.FsFile): string {
  const buffer = new Uint8Array(32);
  return new TextDecoder().decode(buffer.subarray(0, file.readSync(buffer) ?? 0)).trim();
}

/** Free space below which new work is refused, so that what runs can finish: 32 MiB. */
export const MIN_FREE_BYTES: number = 32 * 1024 * 1024;

/** How many bytes may still be written to the file system of `folder`. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = fs.statfsSync(folder);
  return bavail * bsize;
}
