/**
 * The lock of a state folder: one node at a time, for as long as its process lives.
 *
 * SQLite does the locking: the runtime's own way to try a lock is newer than some runtimes that
 * compiled programs carry, and SQLite's does not stay with a child that outlives the node.
 *
 * @module
 */
import * as fs from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { messageOf, quoted, StateFolderInUseError } from "../errors.ts";
import {
  isFileOrMissing,
  readStateFile,
  requireFile,
  setContentAside,
  type StateFileParts,
} from "./state_file.ts";

/**
 * Nodes compete for the first lock. Asking whether a node runs takes a lock for an instant, which
 * must not keep a node from starting: that is why there is a second one.
 */
const LOCK_FILE = "node.lock";
const RUNNING_FILE = "node.running";
const PID_FILE = "node.pid";

/** How long a node waits for programs that ask, each of which takes a fraction of a millisecond. */
const PATIENCE_MS = 5_000;

/** What SQLite may open beside a file. */
const SIDE_FILES = ["", "-journal", "-wal", "-shm"] as const;

/**
 * Claims the state folder for this node until the lock is disposed or the process ends, however it
 * ends. Whatever stands in the place of its files is set aside.
 *
 * @throws {StateFolderInUseError} if another node has it.
 * @throws {ConfigError} if a link stands in the place of one of its files.
 */
export function lockFolder(folder: string, parts: StateFileParts): Disposable {
  using locks = new DisposableStack();
  const take = (name: string, patienceMs: number) => {
    const lock = lockFile(`${folder}/${name}`, patienceMs, parts);
    if (lock === undefined) throw inUse(folder);
    locks.defer(() => lock.close());
  };
  take(LOCK_FILE, 0);
  writePid(folder, parts);
  take(RUNNING_FILE, PATIENCE_MS);
  const held = locks.move();
  return { [Symbol.dispose]: () => held.dispose() };
}

/** The process that holds the lock of `folder`; `undefined` when no node runs there. */
export function lockHolder(folder: string): number | undefined {
  const path = `${folder}/${RUNNING_FILE}`;
  const isSafe = SIDE_FILES.every((suffix) => isFileOrMissing(path + suffix));
  if (!isSafe || !fs.existsSync(path)) return undefined;
  // Shared, so that two programs that ask do not take each other for a node.
  const glance = tryLock(path, "BEGIN; SELECT 1 FROM sqlite_schema");
  if (glance === "held") return readPid(folder);
  if (glance !== "damaged") glance.close();
  return undefined;
}

/** Locks a file that is always empty; `undefined` if another process has the lock. */
function lockFile(
  path: string,
  patienceMs: number,
  parts: StateFileParts,
): DatabaseSync | undefined {
  for (const suffix of SIDE_FILES) requireFile(path + suffix, parts);
  createPrivate(path);
  const sql = `PRAGMA busy_timeout = ${patienceMs}; BEGIN EXCLUSIVE`;
  const lock = tryLock(path, sql);
  if (lock === "held") return undefined;
  if (lock !== "damaged" && fs.statSync(path).size === 0) return lock;
  // The content is removed but the file stays: others may be waiting for a lock on it.
  if (lock !== "damaged") lock.close();
  setContentAside(path, "it should be empty", parts);
  const second = tryLock(path, sql);
  if (second === "damaged") throw new Error(`Cannot lock ${quoted(path)}`);
  return second === "held" ? undefined : second;
}

function inUse(folder: string): StateFolderInUseError {
  const pid = readPid(folder) ?? "unknown";
  return new StateFolderInUseError(
    `Another node (process ${pid}) already uses the state folder ${quoted(folder)}`,
    {
      hint:
        "Stop it first, or give this node its own with --state-folder (CYBERWAVE_EDGE_CONFIG_DIR)",
    },
  );
}

/** Runs `sql`, which takes the lock. */
function tryLock(path: string, sql: string): DatabaseSync | "held" | "damaged" {
  const database = new DatabaseSync(path);
  try {
    database.exec(sql);
    return database;
  } catch (error) {
    database.close();
    if (/database is locked/.test(messageOf(error))) return "held";
    if (/not a database|malformed/.test(messageOf(error))) return "damaged";
    throw error;
  }
}

/** A file that is there is not opened: closing it again would give this process's lock on it free. */
function createPrivate(path: string): void {
  if (!fs.existsSync(path)) fs.closeSync(fs.openSync(path, "a", 0o600));
  fs.chmodSync(path, 0o600);
}

function writePid(folder: string, parts: StateFileParts): void {
  const path = `${folder}/${PID_FILE}`;
  requireFile(path, parts);
  fs.writeFileSync(path, `${Deno.pid}\n`, { mode: 0o600 });
  fs.chmodSync(path, 0o600);
}

function readPid(folder: string): number | undefined {
  try {
    return Number(readStateFile(`${folder}/${PID_FILE}`)) || undefined;
  } catch {
    return undefined;
  }
}
