/**
 * Logging, through `@std/log`. Secrets are masked and control characters escaped in every line, so
 * that no message from outside can forge a line or move the cursor.
 *
 * @module
 */
import * as log from "@std/log";
import { Buffer } from "node:buffer";
import {
  type JobOutput,
  jsonLine,
  labelOf,
  type LogFields,
  type LogLevel,
  type LogLine,
  textLine,
  withPriority,
} from "./log_line.ts";
import { systemClock } from "./time.ts";

export type { JobOutput, LogFields, LogLevel };

/**
 * Where a node writes what it does: anything with these four functions, such as `console`. Lines about
 * a command come with fields that say which.
 *
 * @example A node whose lines a program collects
 * ```ts
 * import { CloudNode, type Logger } from "@cyberwave/cloud-node";
 *
 * const lines: string[] = [];
 * const write = (line: string) => void lines.push(line);
 * const logger: Logger = { debug: () => {}, info: write, warn: write, error: write };
 * new CloudNode({ logger });
 * ```
 */
export interface Logger {
  /** Takes detail for debugging. */
  debug(message: string, fields?: LogFields): void;
  /** Takes what the node does. */
  info(message: string, fields?: LogFields): void;
  /** Takes something that may need an operator's attention, such as a job that failed. */
  warn(message: string, fields?: LogFields): void;
  /** Takes something that needs an operator's attention. */
  error(message: string, fields?: LogFields): void;
}

/** The name under which this package logs in `@std/log`. Silent until logging is set up. */
export const LOGGER_NAME = "cyberwave-cloud-node";

/**
 * How log lines look: `text` for people, `json` for machines, one object a line with `time`
 * (ISO 8601), `level`, `component`, `message` and, in lines about a command, its fields in snake case.
 *
 * @example
 * ```ts
 * import type { LogFormat } from "@cyberwave/cloud-node";
 *
 * const format: LogFormat = Deno.stderr.isTerminal() ? "text" : "json";
 * console.log(format);
 * ```
 */
export type LogFormat = "text" | "json";

/** How and what this process logs. */
export interface LogOptions {
  readonly format: LogFormat;
  /** Lines below it are not logged. */
  readonly level: LogLevel;
  /** Whether systemd's journal reads standard error. Default: `false`. */
  readonly toJournal?: boolean;
}

let options: LogOptions = { format: "text", level: "info" };

/** Sends log lines to standard error: standard output is for results. */
export function setupLogging(chosen: LogOptions): void {
  options = chosen;
  const level = LEVEL_NAMES[chosen.level];
  log.setup({
    handlers: { stderr: new StderrHandler(level, { formatter }) },
    loggers: { [LOGGER_NAME]: { level, handlers: ["stderr"] } },
  });
}

/** How this process logs. */
export function logOptions(): LogOptions {
  return options;
}

/**
 * A logger whose lines name `component`. They go to `sink`, if a program that embeds the node gave
 * one, else to `@std/log`. `listener` gets those at info and above as text, wherever they go.
 */
export function createLogger(
  component: string,
  listener?: (line: string) => void,
  sink?: Logger,
): Logger {
  const write = (level: LogLevel) => (text: string, given?: LogFields) => {
    const message = printable(redact(text));
    const fields = given && withoutSecrets(given);
    try {
      if (sink === undefined) log.getLogger(LOGGER_NAME)[level](message, component, fields);
      else if (fields === undefined) ignoreRejection(sink[level](`${component}: ${message}`));
      else ignoreRejection(sink[level](`${component}: ${labelOf(fields)}${message}`, fields));
    } catch {
      // A logger of the program that embeds the node. Its failure is no failure of a command.
    }
    if (level === "debug" || listener === undefined) return;
    const time = new Date(systemClock.now());
    listener(textLine({ time, level, component, message, fields }, false));
  };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

/** A logger of the program that embeds the node may be async as well. */
function ignoreRejection(logged: unknown): void {
  if (logged instanceof Promise) logged.catch(() => {});
}

/** Strangers chose some of them. */
function withoutSecrets(fields: LogFields): LogFields {
  // A job may print thousands of lines at once, all with the same fields.
  const isClean = (value: unknown) => typeof value !== "string" || redact(value) === value;
  if (Object.values(fields).every(isClean)) return fields;
  const entries = Object.entries(fields)
    .map(([name, value]) => [name, typeof value === "string" ? redact(value) : value]);
  return Object.fromEntries(entries);
}

/** Secrets that are masked as long as the process runs. */
const lasting = new Set<string>();

/** Secrets that are masked as long as they are held, and how often each is held. */
const held = new Map<string, number>();

/** The secrets released last. Bounded: each one makes every line take longer. */
const released = new Set<string>();
const MAX_RELEASED = 100;

/** Every form in which a secret may appear, the longest first: one may be the beginning of another. */
let secrets: readonly string[] = [];

/** The same as they look in UTF-8, a character for each byte. */
let secretBytes: readonly string[] = [];

/** Masks `secret` in every line from now on, also as it looks inside JSON and URLs. */
export function addSecret(secret: string): void {
  if (isTooShort(secret)) return;
  lasting.add(secret);
  noteSecrets();
}

/**
 * Masks `secret` until the result is called. The latest hundred stay masked after that, since they
 * may still turn up.
 */
export function holdSecret(secret: string): () => void {
  if (isTooShort(secret)) return () => {};
  released.delete(secret);
  held.set(secret, (held.get(secret) ?? 0) + 1);
  noteSecrets();
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    const holders = held.get(secret)! - 1;
    if (holders > 0) return void held.set(secret, holders);
    held.delete(secret);
    released.add(secret);
    for (const oldest of released) if (released.size > MAX_RELEASED) released.delete(oldest);
    noteSecrets();
  };
}

/** Masking a shorter one would mask ordinary words, and no real token is that short. */
function isTooShort(secret: string): boolean {
  return secret.length < 6;
}

function noteSecrets(): void {
  const forms = [...lasting, ...held.keys(), ...released].flatMap((secret) => [
    secret,
    secret.toWellFormed(),
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
  ]);
  secrets = [...new Set(forms)].sort((a, b) => b.length - a.length);
  secretBytes = secrets.map((secret) => Buffer.from(secret).toString("latin1"));
}

/** `text` with every known secret masked. Takes text that is whole: cut it afterwards. */
export function redact(text: string): string {
  for (const secret of secrets) text = text.replaceAll(secret, "***");
  return text;
}

/**
 * The last position up to `cut` at which `text` can be cut without splitting a secret, nor the
 * beginning of one that may go on behind the text: what is masked piece by piece would show it.
 */
export function cutBeforeSecret(text: string, cut: number): number {
  return cutBefore(secrets, text, cut);
}

/** The same for text in UTF-8. */
export function cutBytesBeforeSecret(bytes: Uint8Array, cut: number): number {
  // No secret that matters is further away: the rest of the bytes need not become text.
  const reach = 4 * Math.max(0, ...secretBytes.map(({ length }) => length));
  const start = Math.max(0, cut - reach);
  const near = bytes.subarray(start, cut + reach);
  const text = Buffer.from(near.buffer, near.byteOffset, near.byteLength).toString("latin1");
  return start + cutBefore(secretBytes, text, cut - start);
}

function cutBefore(secrets: readonly string[], text: string, cut: number): number {
  // A secret that repeats itself, such as ------, would lead back to the beginning of a long text.
  const last = cut - 3 * (secrets[0]?.length ?? 0);
  for (let at = cut;;) {
    const start = firstSplitBy(secrets, text, at);
    if (start === undefined || start < last) return at;
    at = start;
  }
}

/** Where a secret begins, as far as `text` goes, that a cut at `cut` would split. */
function firstSplitBy(secrets: readonly string[], text: string, cut: number): number | undefined {
  for (const secret of secrets) {
    for (let start = Math.max(0, cut - secret.length + 1); start < cut; start++) {
      const isBegun = text[start] === secret[0] &&
        secret.startsWith(text.slice(start, start + secret.length));
      if (isBegun) return start;
    }
  }
  return undefined;
}

// Control characters (but newline and tab), and the characters that reorder or break lines.
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** `text` that cannot forge a line: further lines are indented, control characters escaped. */
export function printable(text: string): string {
  return text
    .replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replaceAll("\n", "\n    ");
}

const encoder = new TextEncoder();

/** Writes a line to standard error. That nobody reads it is no reason to stop. */
function writeLogLine(line: string): void {
  const bytes = encoder.encode(`${line}\n`);
  try {
    for (let start = 0; start < bytes.length;) {
      start += Deno.stderr.writeSync(bytes.subarray(start));
    }
  } catch {
    // Nobody reads standard error any more.
  }
}

class StderrHandler extends log.BaseHandler {
  override log(line: string): void {
    writeLogLine(line);
  }
}

const LEVEL_NAMES = { debug: "DEBUG", info: "INFO", warn: "WARN", error: "ERROR" } as const;

function formatter(record: log.LogRecord): string {
  const [component, fields] = record.args as [string?, LogFields?];
  const line: LogLine = {
    time: record.datetime,
    level: record.levelName.toLowerCase() as LogLevel,
    component: component ?? "",
    message: record.msg,
    fields,
  };
  const hasColor = Deno.stderr.isTerminal() && !Deno.noColor;
  const text = options.format === "json" ? jsonLine(line) : textLine(line, hasColor);
  return options.toJournal ? withPriority(text, line.level) : text;
}
