/**
 * How a line of the log looks: as text for people, as JSON for programs. Pure.
 *
 * @module
 */
import { styleText } from "node:util";

/**
 * The lines that are logged: those of this level and above. `debug` logs everything.
 *
 * @example
 * ```ts
 * import type { LogLevel } from "@cyberwave/cloud-node";
 *
 * const level: LogLevel = "warn";
 * console.log(level);
 * ```
 */
export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * How much of what jobs print is in the node's own log: `all` lines, `progress` for the latest line of
 * each job every ten seconds, or `none`. It is kept and sent to the platform all the same.
 *
 * @example
 * ```ts
 * import type { CloudNodeConfig, JobOutput } from "@cyberwave/cloud-node";
 *
 * const logJobOutput: JobOutput = "progress";
 * const config: CloudNodeConfig = { logJobOutput };
 * console.log(config.logJobOutput);
 * ```
 */
export type JobOutput = "all" | "progress" | "none";

/**
 * What a line of the log is about, for programs that read it. A field is missing where it says nothing.
 *
 * @example Counting what failed
 * ```ts
 * import type { LogFields, Logger } from "@cyberwave/cloud-node";
 *
 * let failed = 0;
 * const count = (_message: string, fields?: LogFields) => {
 *   if (fields?.durationSeconds !== undefined) failed++;
 * };
 * const logger: Logger = { debug: () => {}, info: () => {}, warn: count, error: () => {} };
 * logger.warn("inference r1 failed", { requestId: "r1", exitCode: 1, durationSeconds: 2 });
 * console.log(failed); // 1
 * ```
 */
export interface LogFields {
  /** The sender's id of the command. */
  readonly requestId?: string;
  /** The node's own id of the command, which `ps` shows. */
  readonly workloadId?: string;
  /** The platform's id of the work. */
  readonly workloadUuid?: string;
  /** What kind of command it is. */
  readonly kind?: string;
  /** The process. */
  readonly pid?: number;
  /** How the process ended. */
  readonly exitCode?: number;
  /** How long it took. */
  readonly durationSeconds?: number;
  /** What to do about an error. */
  readonly hint?: string;
}

/** What the fields are called in JSON, in the order in which they come. */
const JSON_NAMES: Readonly<Record<keyof LogFields, string>> = {
  requestId: "request_id",
  workloadId: "workload_id",
  workloadUuid: "workload_uuid",
  kind: "kind",
  pid: "pid",
  exitCode: "exit_code",
  durationSeconds: "duration_s",
  hint: "hint",
};

const FIELDS = Object.keys(JSON_NAMES) as (keyof LogFields)[];

/** A line of the log. */
export interface LogLine {
  readonly time: Date;
  readonly level: LogLevel;
  /** The part of the node that logs it. */
  readonly component: string;
  readonly message: string;
  readonly fields?: LogFields;
}

/** The line as one JSON object. */
export function jsonLine({ time, level, component, message, fields = {} }: LogLine): string {
  const line: Record<string, unknown> = { time: time.toISOString(), level, component, message };
  for (const key of FIELDS) line[JSON_NAMES[key]] = fields[key];
  return JSON.stringify(line);
}

const LEVEL_COLORS = { debug: "gray", info: "gray", warn: "yellow", error: "red" } as const;

/** The colors of workloads, so that lines of different ones are told apart. */
const WORKLOAD_COLORS = ["cyan", "green", "magenta", "blue", "cyanBright", "greenBright"] as const;

/**
 * The line as text: local time, level, the workload that it is about, message. What stands before the
 * message takes 40 columns at most.
 */
export function textLine({ time, level, message, fields }: LogLine, hasColor: boolean): string {
  // The caller knows where the line goes.
  const paint: typeof styleText = (color, text) =>
    hasColor && text !== "" ? styleText(color, text, { validateStream: false }) : text;
  const levelName = paint(LEVEL_COLORS[level], level.toUpperCase().padEnd(5));
  const label = labelOf(fields);
  const shownLabel = hasColor ? paint(colorOf(fields?.workloadId ?? ""), label) : label;
  return `${paint("gray", localTime(time))} ${levelName} ${shownLabel}${message}`;
}

/** What a line begins with that is about a workload, so that lines of different ones are told apart. */
export function labelOf({ workloadId }: LogFields = {}): string {
  return workloadId === undefined ? "" : `[${shortId(workloadId)}] `;
}

/** A time as people read it: local, to the second, with the offset from UTC. */
export function localTime(time: Date): string {
  const offset = -time.getTimezoneOffset();
  const iso = new Date(time.getTime() + offset * 60_000).toISOString();
  const text = iso.slice(0, 19).replace("T", " ");
  if (offset === 0) return `${text}Z`;
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  return `${text}${offset < 0 ? "-" : "+"}${twoDigits(hours)}${twoDigits(minutes)}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

/** How many characters a short id has. */
export const SHORT_ID_LENGTH = 6;

/** The end of an id, which is random where its beginning is the time. */
export function shortId(id: string): string {
  return id.slice(-SHORT_ID_LENGTH);
}

function colorOf(id: string): (typeof WORKLOAD_COLORS)[number] {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + character.charCodeAt(0)) % 65_521;
  return WORKLOAD_COLORS[hash % WORKLOAD_COLORS.length]!;
}

/** The priorities of syslog, by which systemd's journal sorts lines. */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warn: 4, error: 3 };

/** The line, or its lines, with the priority in front that systemd's journal takes from there. */
export function withPriority(line: string, level: LogLevel): string {
  const prefix = `<${PRIORITIES[level]}>`;
  return prefix + line.replaceAll("\n", `\n${prefix}`);
}
