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
 * Claims the state folder for this node until the lock is disposed or the process ends, however it
 * ends.
 *
 * @throws {StateFolderInUseError} if another node has it.
 */
export function lockFolder(folder: string): Disposable {
  const file = Deno.openSync(`${folder}/node.lock`, {
    read: true,
    write: true,
    create: true,
    mode: 0o600,
  });
  if (!file.tryLockSync(true)) {
    const pid = new TextDecoder().decode(readAll(file)).trim();
    file.close();
    throw new StateFolderInUseError(
      `Another node (process ${pid || "unknown"}) already uses the state folder ${quoted(folder)}`,
      { hint: "Stop it first, or set CYBERWAVE_EDGE_CONFIG_DIR to give this node its own" },
    );
  }
  fs.chmodSync(`${folder}/node.lock`, 0o600);
  file.truncateSync();
  file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
  return { [Symbol.dispose]: () => file.close() };
}

/** The process that holds the lock of `folder`; `undefined` when no node runs there. */
export function lockHolder(folder: string): number | undefined {
  try {
    using file = Deno.openSync(`${folder}/node.lock`, { read: true, write: true });
    if (file.tryLockSync(true)) return undefined;
    return Number(new TextDecoder().decode(readAll(file)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function readAll(file: Deno.FsFile): Uint8Array {
  const buffer = new Uint8Array(32);
  return buffer.subarray(0, file.readSync(buffer) ?? 0);
}

/** Free space below which new work is refused, so that what runs can finish: 32 MiB. */
export const MIN_FREE_BYTES: number = 32 * 1024 * 1024;

/** How many bytes may still be written to the file system of `folder`. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = fs.statfsSync(folder);
  return bavail * bsize;
}
