/**
 * Whether systemd's journal reads what this process writes to standard error.
 *
 * @module
 */
import * as fs from "node:fs";

const STDERR = 2;

/** Whether it does: systemd names the stream that it has connected, which a shell may have changed. */
export function isReadByJournal(env: Readonly<Record<string, string>>): boolean {
  const named = env.JOURNAL_STREAM;
  if (named === undefined) return false;
  try {
    const { dev, ino } = fs.fstatSync(STDERR, { bigint: true });
    return named === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
