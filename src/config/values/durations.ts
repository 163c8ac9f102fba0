/**
 * Durations as people write them: `30s`, `5m`, `1h30m`.
 *
 * @module
 */

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/;

/**
 * The seconds in a duration such as `1h30m`, made of `ms`, `s`, `m`, `h` and `d`; `undefined`: it is
 * not one.
 */
export function durationSeconds(text: string): number | undefined {
  if (text.length > MAX_LENGTH || !DURATION.test(text)) return undefined;
  const parts = text.matchAll(/([\d.]+)(ms|[smhd])/g);
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * SECONDS[unit!]!, 0);
}

/** Longer than any duration that a person writes. */
const MAX_LENGTH = 64;
