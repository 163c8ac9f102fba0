/**
 * Whether a database is what this program wrote.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../errors.ts";
import { MIGRATIONS } from "./schema.ts";

/** A database that is not what this program wrote. */
export class DamagedDatabase extends Error {}

/** SQLite's texts for NOTADB, CORRUPT and the like: its errors carry no code. */
const DAMAGE = /not a database|malformed|unsupported file format/;

/** SQLite's texts for what does not come from the file itself. */
const ENVIRONMENT = /locked|is full|I\/O|unable to open|readonly|out of memory/;

/** In a larger database the indexes are not compared with their tables: that takes seconds. */
const MAX_THOROUGH_BYTES = 64 * 1024 * 1024;

/** Whether an error is due to the content of the file. */
export function isDamage(error: unknown): boolean {
  return error instanceof DamagedDatabase || DAMAGE.test(messageOf(error));
}

/**
 * Looks through a whole database with this version of the schema.
 *
 * @throws {DamagedDatabase} if it is damaged.
 */
export function checkIntegrity(database: DatabaseSync, version: number): void {
  let problem: string;
  try {
    const { bytes } = database.prepare(
      "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
    ).get()!;
    const check = Number(bytes) > MAX_THOROUGH_BYTES ? "quick_check" : "integrity_check";
    problem = String(Object.values(database.prepare(`PRAGMA ${check}(1)`).get()!)[0]);
    if (problem === "ok" && schemaOf(database) === expectedSchema(version)) return;
  } catch (error) {
    if (ENVIRONMENT.test(messageOf(error))) throw error;
    problem = messageOf(error);
  }
  throw new DamagedDatabase(
    problem === "ok" ? "its schema is damaged" : problem.split("\n").at(-1),
  );
}

function expectedSchema(version: number): string {
  using database = new DatabaseSync(":memory:");
  for (const migration of MIGRATIONS.slice(0, version)) database.exec(migration);
  return schemaOf(database);
}

function schemaOf(database: DatabaseSync): string {
  return database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
    .all().map(({ sql }) => String(sql).replaceAll(/[\s"]/g, "")).join("\n");
}
