/**
 * The files of the state folder, where anything may stand in their place: links, folders, FIFOs.
 *
 * @module
 */
import * as fs from "node:fs";
import { ConfigError, messageOf, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";

/** What it takes to set a file aside. */
export interface StateFileParts {
  /** Dates what is set aside. */
  readonly clock: Pick<Clock, "now">;
  /** Where that is reported. */
  readonly logger: Pick<Logger, "warn">;
}

/** Few files that are read as a whole are larger. */
const MAX_BYTES = 64 * 1024;

/**
 * The text of the file at `path`; `undefined`: there is none. Follows no link and never blocks.
 * Throws when something else is in its place, or it has more than `maxBytes`.
 */
export function readStateFile(path: string, maxBytes: number = MAX_BYTES): string | undefined {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  if (isLink(path)) throw linkError(path);
  let file: number;
  try {
    file = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const found = fs.fstatSync(file);
    if (!found.isFile()) throw new Error(`it is ${kindOf(found)}`);
    if (found.size > maxBytes) throw new Error(`it has ${found.size} bytes`);
    return fs.readFileSync(file, "utf8");
  } finally {
    fs.closeSync(file);
  }
}

/** The object in the JSON text of a state file. Throws, without quoting the text, if there is none. */
export function parseState(text: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error("it is not valid JSON");
  }
  if (typeof json !== "object" || json === null) throw new Error("it is not a JSON object");
  return json as Record<string, unknown>;
}

/**
 * Makes sure that there is a regular file at `path`, or nothing. Whatever else is there is set
 * aside.
 *
 * @throws {ConfigError} for a link: it may lead to a file that is none of the node's.
 */
export function requireFile(path: string, parts: StateFileParts): void {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return;
  if (found.isSymbolicLink()) throw linkError(path);
  setAside(path, `it is ${kindOf(found)}`, parts);
}

/**
 * Makes sure that there is a folder at `path`, a link to one, or nothing. Whatever else is there is
 * set aside.
 *
 * @throws {ConfigError} for a link that leads to no folder.
 */
export function requireFolder(path: string, parts: StateFileParts): void {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory()) return;
  if (!found.isSymbolicLink()) return setAside(path, `it is ${kindOf(found)}`, parts);
  const leadsToFolder = fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (!leadsToFolder) throw linkError(path);
}

/** Whether there is a regular file at `path`, or nothing: then nobody who opens it blocks. */
export function isFileOrMissing(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
}

/** Gives what is at `path` a dated name of its own, and reports that. */
export function setAside(path: string, problem: string, parts: StateFileParts): void {
  const aside = asideName(path, parts.clock);
  fs.renameSync(path, aside);
  reportSetAside(path, aside, problem, parts);
}

/** Copies the file at `path` to a dated name of its own, empties it, and reports that. */
export function setContentAside(path: string, problem: string, parts: StateFileParts): void {
  const aside = asideName(path, parts.clock);
  fs.copyFileSync(path, aside, fs.constants.COPYFILE_EXCL);
  fs.chmodSync(aside, 0o600);
  fs.truncateSync(path);
  reportSetAside(path, aside, problem, parts);
}

/** The name under which what is damaged at `path` is kept. */
export function asideName(path: string, clock: Pick<Clock, "now">): string {
  return `${path}.damaged-${new Date(clock.now()).toISOString().replaceAll(":", "")}`;
}

function reportSetAside(
  path: string,
  aside: string,
  problem: string,
  { logger }: StateFileParts,
): void {
  logger.warn(`Set ${quoted(path)} aside as ${quoted(aside)}: ${problem}`);
}

function isLink(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function linkError(path: string): ConfigError {
  let target = "";
  try {
    target = ` to ${quoted(fs.readlinkSync(path))}`;
  } catch (error) {
    target = ` (${messageOf(error)})`;
  }
  return new ConfigError(`Cannot use ${quoted(path)}: it is a link${target}`, {
    hint:
      "Remove the link, or put what belongs here in its place: the node follows no links to files",
  });
}

function kindOf(found: fs.Stats): string {
  if (found.isFile()) return "a file";
  if (found.isDirectory()) return "a folder";
  if (found.isFIFO()) return "a FIFO";
  if (found.isSocket()) return "a socket";
  return "a device";
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
