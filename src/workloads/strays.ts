/**
 * Removes the folders of workloads that the journal does not know, such as those from before a
 * damaged one.
 *
 * @module
 */
import * as fs from "node:fs/promises";
import { messageOf, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import { foldersInUse } from "../os/processes.ts";
import type { Clock } from "../time.ts";

/** What strays are found and removed with. */
interface StrayOptions {
  /** Knows commands by the names of their folders. */
  readonly journal: { find(id: string): unknown };
  /** The folder of the workloads' folders. */
  readonly workloadsFolder: string;
  /** How long they are kept, in milliseconds. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The ids of commands that name folders: those of early versions, and ULIDs. */
const COMMAND_ID = /^([0-9a-z]{14}|[0-9a-z]{26})$/;

/** Removes those that are old and that nothing works in: a workload may still run there. */
export async function removeStrays(options: StrayOptions): Promise<void> {
  const { journal, workloadsFolder, maxAgeMs, clock, logger } = options;
  const old: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(workloadsFolder)) {
    // Other names are not the node's, such as the lost+found of a disk that is mounted there.
    if (!isDirectory || !COMMAND_ID.test(name) || journal.find(name) !== undefined) continue;
    const path = `${workloadsFolder}/${name}`;
    if (clock.now() - await lastChange(path, clock) > maxAgeMs) old.push(path);
  }
  if (old.length === 0) return;
  const inUse = await foldersInUse();
  let removed = 0;
  for (const path of old) {
    try {
      if (inUse.has(await fs.realpath(path))) continue;
      await fs.rm(path, { recursive: true, force: true });
      removed++;
    } catch (error) {
      logger.warn(`Cannot remove ${quoted(path)}: ${messageOf(error)}; retrying later`);
    }
  }
  if (removed === 0) return;
  logger.info(`Removed old workload folders that the journal does not know: ${removed}`);
}

/**
 * When a folder or something directly in it was changed last, in milliseconds since the epoch; now,
 * when it changes meanwhile.
 */
async function lastChange(path: string, clock: Clock): Promise<number> {
  try {
    let latest = (await fs.lstat(path)).mtimeMs;
    for await (const { name } of Deno.readDir(path)) {
      latest = Math.max(latest, (await fs.lstat(`${path}/${name}`)).mtimeMs);
    }
    return latest;
  } catch {
    return clock.now();
  }
}
