/**
 * The types of value a setting can have. Each reads a string (a flag, a variable) as well as what
 * YAML and programs give, and knows the words for what it expects.
 *
 * @module
 */
import { isIPv6 } from "node:net";
import { quoted } from "../errors.ts";
import { identifierProblem, isMqttText } from "../protocol/identifiers.ts";
import { durationSeconds } from "./durations.ts";
import { isUuid, UUID_AS_PREFIX } from "./reservation.ts";
import { templateProblem } from "./template_problem.ts";

/** A value, or what is wrong with it: words that follow the setting's name. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** A type of value: how it is read and shown. */
export interface ValueType<T> {
  /** Reads a value. */
  parse(value: unknown): Parsed<T>;
  /** Shows a value the way it can be written. */
  format(value: T): string;
  /** The only words it takes, where they are few. */
  readonly words?: readonly string[];
  /** Whether its values are never shown. */
  readonly secret?: true;
}

/** Says that `value` is not what was expected. */
export function refuse(expected: string, value: unknown): { readonly problem: string } {
  const got = typeof value === "number" ? String(value) : quoted(value);
  return { problem: `must be ${expected}, got ${got}` };
}

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

/** A string, number or boolean as text; nothing for anything else. */
function scalarText(value: unknown): string {
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : "";
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

/** Yes or no. */
export const boolean: ValueType<boolean> = {
  parse(value) {
    const word = scalarText(value).trim().toLowerCase();
    if (["true", "yes", "on", "1"].includes(word)) return { value: true };
    if (["false", "no", "off", "0"].includes(word)) return { value: false };
    return refuse("true or false", value);
  },
  format: String,
  words: ["true", "false"],
};

/** One of a few words. */
export function oneOf<T extends string>(...words: readonly T[]): ValueType<T> {
  return {
    parse(value) {
      const word = words.find((word) => word === value);
      return word === undefined ? refuse(words.join(" or "), value) : { value: word };
    },
    format: String,
    words,
  };
}

/** One line of text. */
export const text: ValueType<string> = textType({
  problem: (value) => problemIf(!/^\P{Cc}+$/u.test(value), "one line of text", value),
});

/** What may stand in a topic and a URL. */
export const identifier: ValueType<string> = textType({
  problem(value) {
    const problem = identifierProblem(value);
    return problem && `${problem}, got ${quoted(value)}`;
  },
});

/** What stands in front of topics, as it is. */
export const environmentName: ValueType<string> = textType({
  problem: (value) =>
    isUuid(value) ? UUID_AS_PREFIX : problemIf(
      /[+#]/.test(value) || !isMqttText(value),
      "a name without +, # and control characters",
      value,
    ),
});

/** The path of a file or folder. */
export const path: ValueType<string> = textType({
  problem: (value) => problemIf(value === "" || value.includes("\0"), "a path", value),
});

/** Patterns of paths: a list, or in one text with commas between them; none are `all`. */
export const globs: ValueType<readonly string[]> = {
  parse(value) {
    if (value === "all") return { value: [] };
    const patterns = typeof value === "string" ? value.split(",") : value;
    const isRight = Array.isArray(patterns) &&
      patterns.every((pattern) => typeof pattern === "string" && !/\p{Cc}/u.test(pattern));
    if (!isRight) return refuse('patterns of paths, such as ["*_chkpt/**", "metrics.json"]', value);
    return { value: patterns.map((pattern) => pattern.trim()).filter((pattern) => pattern !== "") };
  },
  format: (patterns) => patterns.length === 0 ? "all" : patterns.join(","),
};

/** A shell command of one or more lines. */
export const shellCommand: ValueType<string> = textType({
  problem: commandProblem,
});

/** A shell command in which `{body}` and `{body_file}` stand for a command's params. */
export const template: ValueType<string> = textType({
  problem: (value) => commandProblem(value) ?? templateProblem(value),
});

function commandProblem(value: string): string | undefined {
  return problemIf(value.trim() === "" || value.includes("\0"), "a shell command", value);
}

/** A host name or an address, without anything around it. */
export const hostName: ValueType<string> = textType({
  clean: (value) => value.trim().replace(/^\[(.*)\]$/, "$1"),
  problem: (value) =>
    problemIf(
      !/^[\p{L}\p{N}]([\p{L}\p{N}._-]{0,252}[\p{L}\p{N}.])?$/u.test(value) && !isIPv6(value),
      "a host name or address, without mqtt:// and port",
      value,
    ),
});

/** The address of an HTTP server. Paths are put behind it, so it ends without a slash. */
export const httpUrl: ValueType<string> = textType({
  clean: (value) => value.trim().replace(/\/+$/, ""),
  problem(value) {
    const url = URL.parse(value);
    const right = url && /^https?:$/.test(url.protocol) && !/[?#@\s\\]/.test(value);
    // What stands before an @ is a password, so a wrong URL is not repeated.
    const got = value.includes("@") ? "one with a user name" : quoted(value);
    return right ? undefined : `must be an http:// or https:// URL, got ${got}`;
  },
});

/** A token, as it can travel in an HTTP header. Never shown. */
export const token: ValueType<string> = textType({
  clean: (value) => value.trim(),
  problem: (value) =>
    /^[\x21-\x7e]+$/.test(value) ? undefined : "must be a single word of ASCII characters",
  secret: true,
});

/** A password. Never shown. */
export const password: ValueType<string> = textType({
  problem: (value) => value === "" ? "must not be empty" : undefined,
  secret: true,
});

interface TextRules {
  /** Takes away what cannot matter. */
  clean?(value: string): string;
  /** What is wrong with the clean value. */
  problem(value: string): string | undefined;
  secret?: true;
}

function textType({ clean = (value) => value, problem, secret }: TextRules): ValueType<string> {
  return {
    parse(value) {
      if (typeof value !== "string") {
        const expected = "text (put it in quotes)";
        return secret ? { problem: `must be ${expected}` } : refuse(expected, value);
      }
      const cleaned = clean(value);
      const wrong = problem(cleaned);
      return wrong === undefined ? { value: cleaned } : { problem: wrong };
    },
    format: (value) => secret ? "***" : value,
    secret,
  };
}

function problemIf(wrong: boolean, expected: string, value: string): string | undefined {
  return wrong ? refuse(expected, value).problem : undefined;
}
