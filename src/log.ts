/**
 * Logging, through `@std/log`. Secrets are masked and control characters escaped in every line, so
 * that no message from outside can forge a line or move the cursor.
 *
 * @module
 */
import * as log from "@std/log";
import { Buffer } from "node:buffer";
import { styleText } from "node:util";
import { systemClock } from "./time.ts";

/**
 * Where a node writes what it does: anything with these four functions, such as `console`.
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
  debug(message: string): void;
  /** Takes what the node does. */
  info(message: string): void;
  /** Takes something that may need an operator's attention. */
  warn(message: string): void;
  /** Takes something that needs an operator's attention. */
  error(message: string): void;
}

/** The name under which this package logs in `@std/log`. Silent until logging is set up. */
export const LOGGER_NAME = "cyberwave-cloud-node";

/**
 * How log lines look: `text` for people, `json` for machines, one object a line with `time`
 * (ISO 8601), `level`, `component` and `message`.
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

/** Sends log lines to standard error: standard output is for results. */
export function setupLogging(options: { format: LogFormat; verbose: boolean }): void {
  const level = options.verbose ? "DEBUG" : "INFO";
  const formatter = options.format === "json" ? jsonLine : textLine;
  log.setup({
    handlers: { stderr: new StderrHandler(level, { formatter }) },
    loggers: { [LOGGER_NAME]: { level, handlers: ["stderr"] } },
  });
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
  const write = (level: "debug" | "info" | "warn" | "error") => (message: string) => {
    const line = printable(redact(message));
    try {
      if (sink === undefined) log.getLogger(LOGGER_NAME)[level](line, component);
      else sink[level](`${component}: ${line}`);
    } catch {
      // A handler of the program that embeds the node. Its failure is no failure of a command.
    }
    if (level === "debug" || listener === undefined) return;
    const head = lineHead(new Date(systemClock.now()), level.toUpperCase(), component);
    listener(`${head.join(" ")} ${line}`);
  };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
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
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  return cutBefore(secretBytes, text, cut);
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

class StderrHandler extends log.BaseHandler {
  override log(message: string): void {
    const bytes = encoder.encode(message + "\n");
    try {
      for (let start = 0; start < bytes.length;) {
        start += Deno.stderr.writeSync(bytes.subarray(start));
      }
    } catch {
      // Nobody reads standard error any more, which is no reason to stop.
    }
  }
}

function componentOf(record: log.LogRecord): string {
  return String(record.args[0] ?? "");
}

function jsonLine(record: log.LogRecord): string {
  return JSON.stringify({
    time: record.datetime.toISOString(),
    level: record.levelName.toLowerCase(),
    component: componentOf(record),
    message: record.msg,
  });
}

const COLORS = { DEBUG: "gray", INFO: "cyan", WARN: "yellow", ERROR: "red" } as const;

function textLine(record: log.LogRecord): string {
  const head = lineHead(record.datetime, record.levelName, componentOf(record));
  if (!Deno.stderr.isTerminal() || Deno.noColor) return `${head.join(" ")} ${record.msg}`;
  const [time, level, component] = head;
  const color = COLORS[record.levelName as keyof typeof COLORS] ?? "red";
  return `${styleText("gray", time)} ${styleText(color, level)} ${
    styleText("gray", component)
  } ${record.msg}`;
}

/** What stands before the message in a line of text. */
function lineHead(time: Date, level: string, component: string): [string, string, string] {
  const date = time.toISOString().replace("T", " ").slice(0, 23);
  return [date, level.padEnd(5), component.padEnd(9)];
}
