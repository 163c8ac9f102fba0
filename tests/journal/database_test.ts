import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ConfigError } from "../../src/errors.ts";
import { openDatabase, openDatabaseToRead } from "../../src/journal/database.ts";
import { MIGRATIONS } from "../../src/journal/schema.ts";
import { RecordingLogger } from "../support/events.ts";
import { modeOf, withUmask } from "../support/modes.ts";

const NOW = new Date("2025-06-01T12:34:56.789Z");
const ASIDE = "journal.db.corrupt-2025-06-01T123456.789Z";

class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "cloud_node_database_" });
  readonly database = `${this.path}/journal.db`;
  readonly logger = new RecordingLogger();

  open(): DatabaseSync {
    return openDatabase(this.database, this.logger, NOW);
  }

  names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0];
}

/** A database with enough in it to take many pages. */
function fill(folder: Folder): void {
  using database = folder.open();
  const insert = database.prepare(
    "INSERT INTO outbox (topic, payload, created_at) VALUES (?, ?, ?)",
  );
  for (let i = 0; i < 200; i++) insert.run(`topic/${i}`, new Uint8Array(1_000), i);
}

Deno.test("a commit survives a power cut, and foreign keys are kept", () => {
  using folder = new Folder();
  using database = folder.open();
  assertEquals(pragma(database, "journal_mode"), "wal");
  assertEquals(pragma(database, "synchronous"), 2);
  assertEquals(pragma(database, "foreign_keys"), 1);
  assertEquals(pragma(database, "busy_timeout"), 5_000);
});

Deno.test("a new database gets the newest schema, and keeps what is in it", () => {
  using folder = new Folder();
  {
    using database = folder.open();
    assertEquals(pragma(database, "user_version"), MIGRATIONS.length);
  }
  fill(folder);
  using database = folder.open();
  assertEquals(database.prepare("SELECT count(*) AS n FROM outbox").get()!.n, 200);
  assertEquals(folder.logger.shown, []);
});

Deno.test("a migration that fails half-way leaves the old version, and nothing is set aside", () => {
  using folder = new Folder();
  {
    // The first table can be made, the second one cannot.
    using database = new DatabaseSync(folder.database);
    database.exec("CREATE TABLE outbox (precious TEXT); INSERT INTO outbox VALUES ('data')");
  }
  assertThrows(() => folder.open(), Error, "already exists");
  using database = new DatabaseSync(folder.database);
  assertEquals(pragma(database, "user_version"), 0);
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  assertEquals(tables.map(({ name }) => name), ["outbox"]);
  assertEquals(database.prepare("SELECT precious FROM outbox").get()!.precious, "data");
  assertEquals(folder.names().filter((name) => name.includes("corrupt")), []);
});

Deno.test("a database of a newer version is refused and left alone", () => {
  using folder = new Folder();
  fill(folder);
  {
    using database = new DatabaseSync(folder.database);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
  }
  for (const open of [() => folder.open(), () => openDatabaseToRead(folder.database)]) {
    const error = assertThrows(open, ConfigError, "a newer version of this program wrote it");
    assertStringIncludes(error.message, `schema ${MIGRATIONS.length + 1}`);
    assert(error.hint !== undefined);
  }
  using database = new DatabaseSync(folder.database);
  assertEquals(database.prepare("SELECT count(*) AS n FROM outbox").get()!.n, 200);
});

const CORRUPTIONS: Record<string, (path: string) => void> = {
  "garbage": (path) => Deno.writeTextFileSync(path, "This is no database. ".repeat(1_000)),
  "a header and nothing else": (path) => Deno.truncateSync(path, 100),
  "cut off in the middle": (path) => Deno.truncateSync(path, Deno.statSync(path).size / 2),
  "overwritten pages": (path) => {
    using file = Deno.openSync(path, { write: true });
    for (let page = 1; page < Deno.statSync(path).size / 4096; page += 3) {
      file.seekSync(page * 4096, Deno.SeekMode.Start);
      file.writeSync(crypto.getRandomValues(new Uint8Array(4096)));
    }
  },
  "zeroed pages": (path) => {
    using file = Deno.openSync(path, { write: true });
    file.seekSync(4096, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(5 * 4096));
  },
};

for (const [name, corrupt] of Object.entries(CORRUPTIONS)) {
  Deno.test(`a corrupt database is set aside, never deleted: ${name}`, () => {
    using folder = new Folder();
    fill(folder);
    corrupt(folder.database);
    const corrupted = Deno.readFileSync(folder.database);
    {
      using database = folder.open();
      assertEquals(database.prepare("SELECT count(*) AS n FROM outbox").get()!.n, 0);
    }
    assertEquals(Deno.readFileSync(`${folder.path}/${ASIDE}`), corrupted);
    const [line] = folder.logger.shown;
    assert(line.startsWith("error: ") && line.includes("is corrupt") && line.includes(ASIDE), line);
    assertEquals(modeOf(`${folder.path}/${ASIDE}`), "600");
    folder.open().close();
    assertEquals(folder.logger.shown.length, 1);
  });
}

Deno.test("the database is its user's alone, whatever the umask and whatever stood there", () => {
  for (const umask of [0, 0o077, 0o277]) {
    using folder = new Folder();
    if (umask === 0) withUmask(0, () => Deno.writeFileSync(folder.database, new Uint8Array()));
    using _database = withUmask(umask, () => folder.open());
    assertEquals(folder.names(), ["journal.db", "journal.db-shm", "journal.db-wal"]);
    for (const name of folder.names()) assertEquals(modeOf(`${folder.path}/${name}`), "600", name);
  }
});

Deno.test("somebody may read while a node writes, and cannot write", () => {
  using folder = new Folder();
  fill(folder);
  using writer = folder.open();
  writer.exec("BEGIN IMMEDIATE; DELETE FROM outbox");
  using reader = openDatabaseToRead(folder.database);
  const count = () => reader.prepare("SELECT count(*) AS n FROM outbox").get()!.n;
  assertEquals(count(), 200);
  writer.exec("COMMIT");
  assertEquals(count(), 0);
  assertThrows(() => reader.exec("DELETE FROM outbox"), Error, "readonly");
});
