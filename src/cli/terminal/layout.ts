/**
 * Text in columns. Pure.
 *
 * @module
 */

/** Rows as lines, with their columns aligned. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()
  );
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time in its two largest units: `2h 05m`. A clock set back counts as no time. */
export function duration(ms: number): string {
  if (ms < 10 * SECOND) return `${(Math.max(0, ms) / SECOND).toFixed(1)}s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return units(ms, MINUTE, "m", SECOND, "s");
  if (ms < DAY) return units(ms, HOUR, "h", MINUTE, "m");
  return units(ms, DAY, "d", HOUR, "h");
}

function units(ms: number, large: number, largeName: string, small: number, name: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)}${largeName} ${String(rest).padStart(2, "0")}${name}`;
}
