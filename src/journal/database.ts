/**
 * Opening the journal's database: its durability, its schema version, and what happens when it is
 * damaged.
 *
 * @module
 */
import * as fs from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { messageOf, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import { asideName, requireFile } from "../state/state_file.ts";
import type { Clock } from "../time.ts";
import { pragma, refuseNewer, schemaVersion, SIDE_FILES } from "./database_file.ts";
import { checkIntegrity, isDamage } from "./integrity.ts";
import { salvage } from "./salvage_rows.ts";
import { MIGRATIONS } from "./schema.ts";
import { walDamage } from "./wal.ts";

/** What it takes to open a database. */
interface DatabaseParts {
  /** Dates what is set aside. */
  readonly clock: Pick<Clock, "now">;
  /** Where damage is reported. */
  readonly logger: Logger;
}

/** A log that is larger is not looked through at the start. */
const MAX_WAL_BYTES = 64 * 1024 * 1024;

/** How large the log remains after a checkpoint. */
const WAL_SIZE_LIMIT = 4 * 1024 * 1024;

/** A database with more in it is not rewritten at the start, so as to make its file shrink. */
const MAX_VACUUM_BYTES = 64 * 1024 * 1024;

/**
 * Opens the database at `path`, creates it when there is none, and brings its schema up to date. A
 * damaged one is set aside under a dated name, and what can be read of it goes into a new one.
 *
 * @throws {ConfigError} if a newer version of this program wrote it, or a link stands in its place.
 */
export function openDatabase(path: string, parts: DatabaseParts): DatabaseSync {
  for (const suffix of SIDE_FILES) requireFile(path + suffix, parts);
  reportWalDamage(path, parts);
  const hasWal = fs.existsSync(`${path}-wal`);
  const database = openOrSalvage(path, parts);
  try {
    reportMissingWal(database, path, hasWal, parts);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Closes a database that `openDatabase()` opened. */
export function closeDatabase(database: DatabaseSync): void {
  try {
    database.exec("DELETE FROM in_use");
  } catch {
    // A full disk. The next start says that the write-ahead log is missing, which it is not.
  }
  database.close();
}

function openOrSalvage(path: string, parts: DatabaseParts): DatabaseSync {
  try {
    return openAndMigrate(path);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const aside = asideName(path, parts.clock);
    for (const suffix of SIDE_FILES) {
      if (fs.existsSync(path + suffix)) fs.renameSync(path + suffix, aside + suffix);
    }
    const database = openAndMigrate(path);
    const { rows, damaged } = salvage(aside, database);
    parts.logger.error(
      `The journal ${quoted(path)} is damaged (${messageOf(error)}). It was set aside as ` +
        `${quoted(aside)} and a new one begun with the ${rows} rows that could be read; ` +
        `${damaged} could not: commands among them are no longer known and will not be answered`,
    );
    return database;
  }
}

function openAndMigrate(path: string): DatabaseSync {
  // SQLite gives its -wal and -shm files the mode of the database.
  fs.closeSync(fs.openSync(path, "a", 0o600));
  fs.chmodSync(path, 0o600);
  const database = new DatabaseSync(path);
  try {
    if (pragma(database, "page_count") === 0) database.exec("PRAGMA auto_vacuum = INCREMENTAL");
    // FULL makes a commit survive a power cut; the busy timeout is for `ps` reading meanwhile. What
    // undoes one of many writes of a transaction is kept in memory: files for that took most of it.
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA foreign_keys = ON;
      PRAGMA busy_timeout = 5000;
      PRAGMA temp_store = MEMORY;
      PRAGMA journal_size_limit = ${WAL_SIZE_LIMIT};
    `);
    refuseNewer(database, path);
    checkIntegrity(database, schemaVersion(database));
    migrate(database);
    makeShrinkable(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** SQLite drops what comes after the damage when it opens the log: a copy keeps it. */
function reportWalDamage(path: string, { clock, logger }: DatabaseParts): void {
  const wal = `${path}-wal`;
  const found = fs.statSync(wal, { throwIfNoEntry: false });
  if (found === undefined || found.size > MAX_WAL_BYTES) return;
  const index = `${path}-shm`;
  const damage = walDamage(
    fs.readFileSync(wal),
    fs.existsSync(index) ? fs.readFileSync(index) : undefined,
  );
  if (damage === undefined) return;
  const aside = asideName(wal, clock);
  fs.copyFileSync(wal, aside, fs.constants.COPYFILE_EXCL);
  logger.error(
    `The journal's write-ahead log ${quoted(wal)} is damaged: ${damage}. A copy was set aside as ` +
      `${quoted(aside)}: the latest commands and replies may be missing`,
  );
}

/**
 * The database says, without its log, whether a node uses it. One that ended in good order leaves no
 * log; one that crashed leaves it, unless somebody removed it.
 */
function reportMissingWal(
  database: DatabaseSync,
  path: string,
  hasWal: boolean,
  { clock, logger }: DatabaseParts,
): void {
  const since = database.prepare("SELECT since FROM in_use").get()?.since;
  if (since !== undefined && !hasWal) {
    logger.error(
      `The journal's write-ahead log ${quoted(`${path}-wal`)} is missing: commands and replies ` +
        `since ${new Date(Number(since)).toISOString()} may be missing`,
    );
  }
  database.prepare("INSERT OR REPLACE INTO in_use (id, since) VALUES (1, ?)").run(clock.now());
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

function migrate(database: DatabaseSync): void {
  for (let version = schemaVersion(database); version < MIGRATIONS.length; version++) {
    database.exec(`BEGIN; ${MIGRATIONS[version]} PRAGMA user_version = ${version + 1}; COMMIT;`);
  }
}

/** Lets the file of a database of version 0.1.0 shrink, unless there is too much in it. */
function makeShrinkable(database: DatabaseSync): void {
  const [none, incremental] = [0, 2];
  if (pragma(database, "auto_vacuum") !== none) return;
  const used = pragma(database, "page_count") - pragma(database, "freelist_count");
  if (used * pragma(database, "page_size") > MAX_VACUUM_BYTES) return;
  try {
    database.exec(`PRAGMA auto_vacuum = ${incremental}; VACUUM`);
  } catch {
    // A full disk. The next start retries.
  }
}

/** How many unused pages the file keeps for what comes next: 4 MiB. */
const KEPT_PAGES = 1_024;

/** Gives up to `pages` unused pages of the file back. Returns whether there are more to give. */
export function shrinkDatabase(db: DatabaseSync, pages: number): boolean {
  const unused = () => db.prepare("PRAGMA freelist_count").get()!.freelist_count as number;
  const before = unused();
  if (before <= KEPT_PAGES) return false;
  // One row for each page: `exec()` would stop after the first.
  const count = Math.min(pages, before - KEPT_PAGES);
  db.prepare(`PRAGMA incremental_vacuum(${count})`).all();
  const after = unused();
  return after < before && after > KEPT_PAGES;
}
