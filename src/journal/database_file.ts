/**
 * The file of the journal's database, for those who only look into it.
 *
 * @module
 */
import * as fs from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { ConfigError, messageOf, quoted } from "../errors.ts";
import { isFileOrMissing } from "../state/state_file.ts";
import { DamagedDatabase } from "./integrity.ts";
import { MIGRATIONS } from "./schema.ts";

/** The journal's file in the state folder. */
export const JOURNAL_FILE = "journal.db";

/** What SQLite may open beside a database. */
export const SIDE_FILES = ["", "-wal", "-shm", "-journal"] as const;

/** No program is so many schema versions newer than this one. */
const MAX_NEWER = 100;

/**
 * Opens the database at `path` to look into it, whether or not a node uses it; `undefined`: there is
 * none yet.
 *
 * @throws {ConfigError} if it cannot be read.
 */
export function openDatabaseToRead(path: string): DatabaseSync | undefined {
  for (const suffix of SIDE_FILES) {
    if (!isFileOrMissing(path + suffix)) {
      throw unreadable(path + suffix, "it is not a regular file");
    }
  }
  if (!fs.existsSync(path)) return undefined;
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.exec("PRAGMA busy_timeout = 5000");
    refuseNewer(database, path);
    if (schemaVersion(database) > 0) return database;
    database.close();
    return undefined;
  } catch (error) {
    database.close();
    throw error instanceof ConfigError ? error : unreadable(path, messageOf(error));
  }
}

/** Says that a database cannot be looked into. */
export function unreadable(path: string, problem: string): ConfigError {
  return new ConfigError(`Cannot read the journal ${quoted(path)}: ${problem}`, {
    hint: "A node that starts sets aside what is damaged, and goes on with the rest",
  });
}

/** The version of its schema. */
export function schemaVersion(database: DatabaseSync): number {
  return pragma(database, "user_version");
}

/** The value of a pragma. */
export function pragma(database: DatabaseSync, name: string): number {
  return Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0] as number;
}

/** Throws if a newer version of this program wrote it. */
export function refuseNewer(database: DatabaseSync, path: string): void {
  const version = schemaVersion(database);
  if (version >= 0 && version <= MIGRATIONS.length) return;
  if (version < 0 || version > MIGRATIONS.length + MAX_NEWER) {
    throw new DamagedDatabase(`its schema has the version ${version}`);
  }
  throw new ConfigError(
    `Cannot use the journal ${quoted(path)}: a newer version of this program wrote it ` +
      `(schema ${version}, this version knows ${MIGRATIONS.length})`,
    { hint: "Install the newer version again, or give this one a state folder of its own" },
  );
}

/** How many bytes a database takes on disk. */
export function databaseBytes(path: string): number {
  return SIDE_FILES.reduce((sum, suffix) => {
    return sum + (fs.statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0);
  }, 0);
}
