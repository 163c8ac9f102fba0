/**
 * Retention with the limits of the settings.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import type { Journal } from "../journal/journal.ts";
import type { Logger } from "../log.ts";
import type { LogStream } from "../logs/log_stream.ts";
import type { Clock } from "../time.ts";
import { applyRetention } from "../workloads/retention.ts";

/** What is kept within limits. */
interface KeepingParts {
  readonly settings: Settings;
  readonly journal: Journal;
  readonly workloadsFolder: string;
  readonly logStream: LogStream | undefined;
  readonly clock: Clock;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Removes what is too old or too much, again and again until `signal` aborts. */
export function keepWithinLimits(
  { settings, journal, workloadsFolder, logStream, clock }: KeepingParts,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { keepWorkloads, keepWorkloadsCount, keepWorkloadsSize, dedupeWindow } = settings;
  return applyRetention({
    journal,
    workloadsFolder,
    limits: {
      maxAgeMs: keepWorkloads * DAY_MS,
      maxCount: keepWorkloadsCount,
      maxBytes: keepWorkloadsSize,
      dedupeMs: dedupeWindow * 1000,
    },
    unsentBytes: logStream && ((id) => logStream.unsentBytes(id)),
    clock,
    logger,
  }, signal);
}
