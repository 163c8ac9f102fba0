/**
 * Opening the journal's database: its durability, its schema version, and what happens when it is
 * beyond repair.
 *
 * @module
 */
import * as fs from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { ConfigError, messageOf, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import { MIGRATIONS } from "./schema.ts";

/**
 * Opens the database at `path`, creates it when there is none, and brings its schema up to date.
 * A corrupt one is set aside under a dated name, and a new one takes its place.
 *
 * @throws {ConfigError} if a newer version of this program wrote it.
 */
export function openDatabase(path: string, logger: Logger, now: Date): DatabaseSync {
  try {
    return openAndMigrate(path);
  } catch (error) {
    if (!isCorruption(error)) throw error;
    const aside = `${path}.corrupt-${now.toISOString().replaceAll(":", "")}`;
    for (const suffix of ["", "-wal", "-shm"]) {
      if (fs.existsSync(path + suffix)) fs.renameSync(path + suffix, aside + suffix);
    }
    logger.error(
      `The journal ${quoted(path)} is corrupt (${messageOf(error)}). It was set aside as ` +
        `${quoted(aside)} and a new one was begun: commands accepted before are no longer ` +
        "known, and those still running will not be answered",
    );
    return openAndMigrate(path);
  }
}

/** Opens the database at `path` to look into it, whether or not a node uses it. */
export function openDatabaseToRead(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.exec("PRAGMA busy_timeout = 5000");
    refuseNewer(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function openAndMigrate(path: string): DatabaseSync {
  // SQLite gives its -wal and -shm files the mode of the database.
  fs.closeSync(fs.openSync(path, "a", 0o600));
  fs.chmodSync(path, 0o600);
  const database = new DatabaseSync(path);
  try {
    // FULL makes a commit survive a power cut; the busy timeout is for `ps` reading meanwhile.
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA foreign_keys = ON;
      PRAGMA busy_timeout = 5000;
    `);
    const check = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
    if (check.quick_check !== "ok") throw new CorruptDatabase(check.quick_check);
    migrate(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

class CorruptDatabase extends Error {}

/** Deno's SQLite errors carry no code: SQLite's own texts for NOTADB and CORRUPT must do. */
function isCorruption(error: unknown): boolean {
  return error instanceof CorruptDatabase ||
    /file is not a database|database disk image is malformed/.test(messageOf(error));
}

function schemaVersion(database: DatabaseSync): number {
  return (database.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
}

function refuseNewer(database: DatabaseSync, path: string): void {
  const version = schemaVersion(database);
  if (version <= MIGRATIONS.length) return;
  throw new ConfigError(
    `Cannot use the journal ${quoted(path)}: a newer version of this program wrote it ` +
      `(schema ${version}, this version knows ${MIGRATIONS.length})`,
    { hint: "Install the newer version again, or give this one a state folder of its own" },
  );
}

function migrate(database: DatabaseSync, path: string): void {
  refuseNewer(database, path);
  for (let version = schemaVersion(database); version < MIGRATIONS.length; version++) {
    database.exec(`BEGIN; ${MIGRATIONS[version]} PRAGMA user_version = ${version + 1}; COMMIT;`);
  }
}
