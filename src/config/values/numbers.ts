/**
 * The types of value that are numbers: counts, durations, sizes.
 *
 * @module
 */
import { ConfigError } from "../../errors.ts";
import { durationSeconds } from "./durations.ts";
import { refuse, scalarText, type ValueType } from "./value_type.ts";

/** Timers count milliseconds in 31 bits and fire at once when asked for more. */
const LONGEST_TIMER = 2_147_483;

/** A duration that is not zero: a number of seconds, or with units (`1h30m`). */
export const positiveSeconds: ValueType<number> = numberType({
  expected: "a positive number of seconds or a duration such as 30s, 5m or 2h",
  read: (value) => numberIn(value) ?? secondsIn(value),
  accepts: (seconds) => seconds > 0,
  max: LONGEST_TIMER,
});

/** A duration, possibly zero: a number of seconds, or with units (`1h30m`). */
export const seconds: ValueType<number> = numberType({
  expected: "a number of seconds, 0 or more, or a duration such as 30s, 5m or 2h",
  read: (value) => numberIn(value) ?? secondsIn(value),
  accepts: (seconds) => seconds >= 0,
  max: LONGEST_TIMER,
});

/**
 * Checks an option of a program that is a number of seconds; `Infinity` is one.
 *
 * @throws {ConfigError} if it is none
 */
export function checkSeconds(name: string, value: number | undefined): void {
  if (value === undefined || (typeof value === "number" && value >= 0)) return;
  throw new ConfigError(`${name} ${refuse("a number of seconds, 0 or more", value).problem}`);
}

/** A duration, possibly zero: a number of days, or with units (`12h`). */
export const days: ValueType<number> = numberType({
  expected: "a number of days, 0 or more, or a duration such as 12h or 7d",
  read: (value) => numberIn(value) ?? daysIn(value),
  accepts: (days) => days >= 0,
  max: 1_000_000,
});

/** How many: at least one. */
export const positiveCount: ValueType<number> = numberType({
  expected: "a positive whole number",
  accepts: (count) => Number.isInteger(count) && count > 0,
  max: Number.MAX_SAFE_INTEGER,
});

/** How many, possibly none. */
export const count: ValueType<number> = numberType({
  expected: "a whole number, 0 or more",
  accepts: (count) => Number.isInteger(count) && count >= 0,
  max: Number.MAX_SAFE_INTEGER,
});

/** A TCP port. */
export const port: ValueType<number> = numberType({
  expected: "a port number between 1 and 65535",
  accepts: (port) => Number.isInteger(port) && port >= 1 && port <= 65_535,
  max: Number.MAX_SAFE_INTEGER,
});

interface NumberRules {
  expected: string;
  /** Reads a value. Default: the number that it is or spells. */
  read?(value: unknown): number | undefined;
  accepts(value: number): boolean;
  max: number;
}

function numberType({ expected, read = numberIn, accepts, max }: NumberRules): ValueType<number> {
  return {
    parse(value) {
      const number = read(value);
      if (number === undefined || !accepts(number)) return refuse(expected, value);
      if (number > max) return refuse(`at most ${max}`, value);
      return { value: number };
    },
    format: String,
  };
}

/** The number that `value` is or spells in decimal notation. */
function numberIn(value: unknown): number | undefined {
  const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  const number = typeof value === "string" && decimal.test(value.trim()) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

function secondsIn(value: unknown): number | undefined {
  return typeof value === "string" ? durationSeconds(value.trim()) : undefined;
}

function daysIn(value: unknown): number | undefined {
  const seconds = secondsIn(value);
  return seconds === undefined ? undefined : seconds / durationSeconds("1d")!;
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["kb", 1e3],
  ["mb", 1e6],
  ["gb", 1e9],
  ["tb", 1e12],
  ["kib", 2 ** 10],
  ["mib", 2 ** 20],
  ["gib", 2 ** 30],
  ["tib", 2 ** 40],
]);

/** A number of bytes, plain or with a unit: `500 MB`, `4 MiB`. */
export const byteSize: ValueType<number> = {
  parse(value) {
    const expected = 'a positive number of bytes, such as 4194304 or "4 MiB"';
    const [, number, unit] = /^\s*([\d.]+)\s*([a-z]*)\s*$/i.exec(scalarText(value)) ?? [];
    const factor = UNITS.get(unit?.toLowerCase() ?? "");
    const bytes = Math.round((numberIn(number) ?? NaN) * (factor ?? NaN));
    return Number.isSafeInteger(bytes) && bytes > 0 ? { value: bytes } : refuse(expected, value);
  },
  format(bytes) {
    for (const unit of ["TiB", "GiB", "MiB", "KiB"]) {
      const size = bytes / UNITS.get(unit.toLowerCase())!;
      if (Number.isInteger(size)) return `${size} ${unit}`;
    }
    return String(bytes);
  },
};
