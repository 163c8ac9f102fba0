/**
 * Whether systemd's journal reads what this process writes to standard error.
 *
 * @module
 */
const STDERR = 2;

/** Whether it does: systemd names the stream that it has connected, which a shell may have changed. */
export async function isReadByJournal(env: Readonly<Record<string, string>>): Promise<boolean> {
  const named = env.JOURNAL_STREAM;
  if (named === undefined) return false;
  // Loading it takes longer than everything else that a short command does.
  const fs = await import("node:fs");
  try {
    const { dev, ino } = fs.fstatSync(STDERR, { bigint: true });
    return named === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
