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

/**
 * Nodes compete for the first lock. To ask whether one runs is to take a lock for an instant, which
 * must not keep a node from starting: that is what the second one is for.
 */
const LOCK_FILE = "node.lock";
const RUNNING_FILE = "node.running";
const PID_FILE = "node.pid";

/** A node waits this long for those who look, each of whom takes a fraction of a millisecond. */
const PATIENCE_MS = 5_000;

/**
 * Claims the state folder for this node until the lock is disposed or the process ends, however it
 * ends.
 *
 * @throws {StateFolderInUseError} if another node has it.
 */
export function lockFolder(folder: string): Disposable {
  using locks = new DisposableStack();
  const take = (name: string, patienceMs: number) => {
    createPrivate(`${folder}/${name}`);
    const lock = tryLock(`${folder}/${name}`, `${patience(patienceMs)} BEGIN EXCLUSIVE`);
    if (lock === undefined) throw inUse(folder);
    locks.defer(() => lock.close());
  };
  take(LOCK_FILE, 0);
  writePid(folder);
  take(RUNNING_FILE, PATIENCE_MS);
  const held = locks.move();
  return { [Symbol.dispose]: () => held.dispose() };
}

/** The process that holds the lock of `folder`; `undefined` when no node runs there. */
export function lockHolder(folder: string): number | undefined {
  const path = `${folder}/${RUNNING_FILE}`;
  if (!fs.existsSync(path)) return undefined;
  // Shared, so that two who look don't take each other for a node.
  const glance = tryLock(path, "BEGIN; SELECT 1 FROM sqlite_schema");
  glance?.close();
  return glance === undefined ? readPid(folder) : undefined;
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

function patience(ms: number): string {
  return `PRAGMA busy_timeout = ${ms};`;
}

/** Runs `sql`, which takes the lock; `undefined` when somebody else has it. */
function tryLock(path: string, sql: string): DatabaseSync | undefined {
  const database = new DatabaseSync(path);
  try {
    database.exec(sql);
    return database;
  } catch (error) {
    database.close();
    if (/database is locked/.test(messageOf(error))) return undefined;
    throw error;
  }
}

/** A file that is there is not opened: closing it again would give this process's lock on it free. */
function createPrivate(path: string): void {
  if (!fs.existsSync(path)) fs.closeSync(fs.openSync(path, "a", 0o600));
  fs.chmodSync(path, 0o600);
}

function writePid(folder: string): void {
  const path = `${folder}/${PID_FILE}`;
  fs.writeFileSync(path, `${Deno.pid}\n`, { mode: 0o600 });
  fs.chmodSync(path, 0o600);
}

function readPid(folder: string): number | undefined {
  try {
    return Number(fs.readFileSync(`${folder}/${PID_FILE}`, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}
