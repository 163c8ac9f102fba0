/**
 * Words that several checks use. Pure.
 *
 * @module
 */
import type { Reach } from "../mqtt/reach.ts";

/** A length of time: `84 ms`. */
export function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** How long each step took: ` (DNS 3 ms, TCP 20 ms)`. */
export function stages(passed: Reach["passed"], ...more: string[]): string {
  const steps = [...passed.map(({ stage, ms }) => `${stage} ${milliseconds(ms)}`), ...more];
  return steps.length === 0 ? "" : ` (${steps.join(", ")})`;
}

/** A number of bytes: `12.3 GiB`. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), units.length - 1);
  const value = count / 2 ** (10 * power);
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}
