import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";
import { ConfigError } from "../../src/errors.ts";
import { closeDatabase, openDatabase } from "../../src/journal/database.ts";
import { openDatabaseToRead } from "../../src/journal/database_file.ts";
import { MIGRATIONS } from "../../src/journal/schema.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { modeOf, withUmask } from "../support/modes.ts";

const NOW = new Date("2025-06-01T12:34:56.789Z");
const ASIDE = "journal.db.damaged-2025-06-01T123456.789Z";

class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "cloud_node_database_" });
  readonly database = `${this.path}/journal.db`;
  readonly logger = new RecordingLogger();

  /** Opens the database, which is closed in good order at the end of the block. */
  open(): DatabaseSync {
    const database = openDatabase(this.database, {
      clock: new FakeClock(NOW.getTime()),
      logger: this.logger,
    });
    return Object.assign(database, { [Symbol.dispose]: () => closeDatabase(database) });
  }

  /** Starts a node and kills it: neither its database nor its log is closed. */
  crash(sql: string): void {
    const from = `${this.path}/live`;
    Deno.mkdirSync(from);
    const copies = this.names().filter((name) => name.startsWith("journal.db"));
    for (const name of copies) Deno.renameSync(`${this.path}/${name}`, `${from}/${name}`);
    const parts = { clock: new FakeClock(NOW.getTime()), logger: this.logger };
    const database = openDatabase(`${from}/journal.db`, parts);
    for (const statement of sql.split(";")) database.exec(statement);
    for (const name of ["journal.db", "journal.db-wal", "journal.db-shm"]) {
      Deno.copyFileSync(`${from}/${name}`, `${this.path}/${name}`);
    }
    closeDatabase(database);
    Deno.removeSync(from, { recursive: true });
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

Deno.test("a database of another program is set aside as it is", () => {
  using folder = new Folder();
  {
    using database = new DatabaseSync(folder.database);
    database.exec("CREATE TABLE outbox (precious TEXT); INSERT INTO outbox VALUES ('data')");
  }
  folder.open()[Symbol.dispose]();
  assertStringIncludes(folder.logger.shown[0], "its schema is damaged");
  using database = new DatabaseSync(`${folder.path}/${ASIDE}`);
  assertEquals(database.prepare("SELECT precious FROM outbox").get()!.precious, "data");
});

Deno.test("a damaged schema costs nothing but the old file", () => {
  using folder = new Folder();
  fill(folder);
  const text = Deno.readFileSync(folder.database);
  const damaged = Buffer.from(text).toString("latin1").replaceAll("'queued', 'r", "'queuee', 'r");
  Deno.writeFileSync(folder.database, Buffer.from(damaged, "latin1"));
  using database = folder.open();
  assertEquals(database.prepare("SELECT count(*) AS n FROM outbox").get()!.n, 200);
  assertStringIncludes(folder.logger.shown[0], "its schema is damaged");
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

/** What is done to 200 messages, and how many of them can still be read. */
const DAMAGE: Record<string, [damage: (path: string) => void, atLeast: number]> = {
  "garbage": [(path) => Deno.writeTextFileSync(path, "This is no database. ".repeat(1_000)), 0],
  "a header and nothing else": [(path) => Deno.truncateSync(path, 100), 0],
  "cut off in the middle": [(path) => Deno.truncateSync(path, Deno.statSync(path).size / 2), 50],
  "overwritten pages": [(path) => {
    using file = Deno.openSync(path, { write: true });
    for (let page = 40; page < Deno.statSync(path).size / 4096; page += 3) {
      file.seekSync(page * 4096, Deno.SeekMode.Start);
      file.writeSync(crypto.getRandomValues(new Uint8Array(4096)));
    }
  }, 100],
  "zeroed pages": [(path) => {
    using file = Deno.openSync(path, { write: true });
    file.seekSync(4096, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(5 * 4096));
  }, 200],
};

for (const [name, [damage, atLeast]] of Object.entries(DAMAGE)) {
  Deno.test(`a damaged database is set aside, and what can be read of it is kept: ${name}`, () => {
    using folder = new Folder();
    fill(folder);
    damage(folder.database);
    const damaged = Deno.readFileSync(folder.database);
    {
      using database = folder.open();
      const kept = database.prepare("SELECT count(*) AS n FROM outbox").get()!.n as number;
      assert(kept >= atLeast, `${kept}`);
      const [line] = folder.logger.shown;
      assert(line.startsWith("error: ") && line.includes("is damaged") && line.includes(ASIDE));
      assertStringIncludes(line, `the ${kept} rows that could be read`);
    }
    assertEquals(Buffer.compare(Deno.readFileSync(`${folder.path}/${ASIDE}`), damaged), 0);
    assertEquals(modeOf(`${folder.path}/${ASIDE}`), "600");
    folder.open()[Symbol.dispose]();
    assertEquals(folder.logger.shown.length, 1);
  });
}

Deno.test("after a crash nothing is reported, and all is there", () => {
  using folder = new Folder();
  fill(folder);
  folder.crash("DELETE FROM outbox WHERE seq > 150");
  using database = folder.open();
  assertEquals(database.prepare("SELECT count(*) AS n FROM outbox").get()!.n, 150);
  assertEquals(folder.logger.shown, []);
});

Deno.test("a write-ahead log that somebody removed is reported", () => {
  using folder = new Folder();
  fill(folder);
  folder.crash("DELETE FROM outbox WHERE seq > 150");
  Deno.removeSync(`${folder.database}-wal`);
  {
    using database = folder.open();
    assertEquals(database.prepare("SELECT count(*) AS n FROM outbox").get()!.n, 200);
  }
  const [line] = folder.logger.shown;
  assertStringIncludes(
    line,
    `error: The journal's write-ahead log "${folder.database}-wal" is missing`,
  );
  assertStringIncludes(line, "since 2025-06-01T12:34:56.789Z");
  folder.open()[Symbol.dispose]();
  assertEquals(folder.logger.shown.length, 1);
});

for (const [what, at] of [["header", 3], ["first commit", 100], ["last commit", -100]] as const) {
  Deno.test(`a write-ahead log with a damaged ${what} is reported, and a copy kept`, () => {
    using folder = new Folder();
    folder.crash(
      "INSERT INTO in_use VALUES (1, 1) ON CONFLICT DO NOTHING;" +
        "INSERT INTO damaged VALUES (1, 'a', 'b');INSERT INTO damaged VALUES (2, 'a', 'b')",
    );
    const wal = Deno.readFileSync(`${folder.database}-wal`);
    wal[at < 0 ? wal.length + at : at] ^= 0xff;
    Deno.writeFileSync(`${folder.database}-wal`, wal);
    using _database = folder.open();
    const [line] = folder.logger.shown;
    assertStringIncludes(line, `write-ahead log "${folder.database}-wal" is damaged`);
    const aside = `journal.db-wal.damaged-2025-06-01T123456.789Z`;
    assertEquals(Deno.readFileSync(`${folder.path}/${aside}`), wal);
  });
}

Deno.test("a write-ahead log that was cut off anywhere is reported, and what is left of it is kept", () => {
  const statements = "INSERT INTO damaged VALUES (1, 'a', 'b');".repeat(3).slice(0, -1);
  for (const left of [0, 0.1, 0.5, 0.99, 1]) {
    using folder = new Folder();
    folder.crash(statements);
    const wal = Deno.readFileSync(`${folder.database}-wal`);
    Deno.writeFileSync(`${folder.database}-wal`, wal.subarray(0, Math.floor(wal.length * left)));
    using database = folder.open();
    const { n } = database.prepare("SELECT count(*) AS n FROM damaged").get()!;
    const [line] = folder.logger.shown;
    if (left === 1) assertEquals([n, line], [3, undefined]);
    else assertMatch(line, /-wal" is damaged: \d+ of its \d+ pages are missing\. A copy/);
  }
});

Deno.test("the index of another log tells nothing about this one", () => {
  using folder = new Folder();
  folder.crash("INSERT INTO damaged VALUES (1, 'a', 'b');INSERT INTO damaged VALUES (2, 'a', 'b')");
  const index = Deno.readFileSync(`${folder.database}-shm`);
  using other = new Folder();
  other.crash("INSERT INTO damaged VALUES (1, 'a', 'b')");
  Deno.writeFileSync(`${other.database}-shm`, index);
  using _database = other.open();
  assertEquals(other.logger.shown, []);
});

Deno.test("the file of a database of version 0.1.0 can shrink from then on", () => {
  using folder = new Folder();
  {
    using database = new DatabaseSync(folder.database);
    database.exec(`PRAGMA journal_mode = WAL; ${MIGRATIONS.slice(0, 5).join("")}`);
    database.exec("PRAGMA user_version = 5");
    assertEquals(pragma(database, "auto_vacuum"), 0);
  }
  using database = folder.open();
  assertEquals([pragma(database, "auto_vacuum"), pragma(database, "user_version")], [
    2,
    MIGRATIONS.length,
  ]);
});

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
  using reader = openDatabaseToRead(folder.database)!;
  const count = () => reader.prepare("SELECT count(*) AS n FROM outbox").get()!.n;
  assertEquals(count(), 200);
  writer.exec("COMMIT");
  assertEquals(count(), 0);
  assertThrows(() => reader.exec("DELETE FROM outbox"), Error, "readonly");
});
