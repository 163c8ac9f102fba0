/**
 * Removes what is left of old workloads.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf, quoted } from "../errors.ts";
import type { CommandRecord } from "../journal/record.ts";
import type { Logger } from "../log.ts";
import { type Clock, isAbort } from "../time.ts";
import { WorkloadFolder } from "./folder.ts";
import { foldersInUse } from "../os/processes.ts";

/** What the journal knows of old workloads. */
export interface History {
  /** The commands that were answered and their answers delivered, oldest first. */
  answered(): CommandRecord[];
  /** The command with this id. */
  find(id: string): CommandRecord | undefined;
  /** Remembers that the files of these commands are gone. */
  filesRemoved(ids: readonly string[]): void;
  /** Forgets these commands. */
  forget(ids: readonly string[]): void;
}

/** How long and how much is kept. */
export interface KeepLimits {
  /** Files of workloads that ended longer ago than this go, in milliseconds. */
  readonly maxAgeMs: number;
  /** The oldest files go while all take more than this, in bytes. */
  readonly maxBytes: number;
  /** A request is remembered at least this long, in milliseconds. */
  readonly dedupeMs: number;
}

/** What goes. */
export interface Removals {
  /** The commands whose files go. */
  readonly files: readonly string[];
  /** The commands that are forgotten altogether. */
  readonly records: readonly string[];
}

/**
 * Decides it. `ended` are the commands that were answered and their answers delivered, oldest first.
 */
export function expired(
  ended: readonly CommandRecord[],
  now: number,
  { maxAgeMs, maxBytes, dedupeMs }: KeepLimits,
): Removals {
  let bytes = ended.reduce((sum, { end }) => sum + (end?.bytes ?? 0), 0);
  const files: string[] = [];
  const records: string[] = [];
  for (const { id, end, endedAt } of ended) {
    const age = now - (endedAt ?? now);
    const size = end?.bytes ?? 0;
    const old = age > maxAgeMs;
    if (size > 0 && (old || bytes > maxBytes)) {
      files.push(id);
      bytes -= size;
    }
    if (old && age > dedupeMs) records.push(id);
  }
  return { files, records };
}

/** How often there is a look for what may go. */
const INTERVAL_MS = 10 * 60 * 1000;

/** What keeping house takes. */
export interface RetentionOptions {
  readonly history: History;
  readonly workloadsFolder: string;
  readonly limits: KeepLimits;
  /** How many bytes of a workload's output the platform would still have got. */
  unsentBytes?(id: string): number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Removes what may go, at once and every ten minutes, until `signal` aborts. */
export async function applyRetention(
  options: RetentionOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = options;
  try {
    while (!signal.aborted) {
      try {
        await cleanUp(options);
      } catch (error) {
        logger.warn(`Cannot remove old workloads: ${messageOf(error)}; trying again later`);
      }
      await clock.sleep(INTERVAL_MS, signal);
    }
  } catch (error) {
    if (!isAbort(error, signal)) throw error;
  }
}

async function cleanUp(options: RetentionOptions): Promise<void> {
  const { history, workloadsFolder, limits, clock, logger } = options;
  const { files, records } = expired(history.answered(), clock.now(), limits);
  const unsent = files.reduce((sum, id) => sum + (options.unsentBytes?.(id) ?? 0), 0);
  const kept = new Set(files.filter((id) => !remove(`${workloadsFolder}/${id}`, logger)));
  const removed = files.filter((id) => !kept.has(id));
  // A record whose files remain is what brings them up again.
  const forgotten = records.filter((id) => !kept.has(id));
  history.filesRemoved(removed);
  history.forget(forgotten);
  const strays = (await findStrays(options)).filter((path) => remove(path, logger));
  if (removed.length > 0 || forgotten.length > 0) {
    logger.info(`Removed the files of ${removed.length} old workloads, forgot ${forgotten.length}`);
  }
  if (unsent > 0) logger.warn(`[${unsent} bytes of their output dropped: they were never sent]`);
  if (strays.length > 0) {
    logger.info(`Removed old workload folders that the journal does not know: ${strays.length}`);
  }
}

function remove(path: string, logger: Logger): boolean {
  try {
    new WorkloadFolder(path).remove();
    return true;
  } catch (error) {
    logger.warn(`Cannot remove ${quoted(path)}: ${messageOf(error)}; trying again later`);
    return false;
  }
}

/**
 * The folders that are old, that the journal does not know, such as those from before a corrupt one,
 * and that nothing works in: a workload may still run there.
 */
async function findStrays(options: RetentionOptions): Promise<string[]> {
  const { history, workloadsFolder, limits, clock } = options;
  const old = fs.readdirSync(workloadsFolder, { withFileTypes: true })
    // Names with a dot are the shell pool's.
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .filter(({ name }) => history.find(name) === undefined)
    .map(({ name }) => `${workloadsFolder}/${name}`)
    .filter((path) => clock.now() - lastChange(path) > limits.maxAgeMs);
  if (old.length === 0) return [];
  const inUse = await foldersInUse();
  return old.filter((path) => !inUse.has(fs.realpathSync(path)));
}

/** When a folder or something directly in it was changed last, in milliseconds since the epoch. */
function lastChange(path: string): number {
  const inside = fs.readdirSync(path).map((name) => `${path}/${name}`);
  return Math.max(...[path, ...inside].map((each) => fs.lstatSync(each).mtimeMs));
}
