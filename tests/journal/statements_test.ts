import { assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { Statements } from "../../src/journal/statements.ts";

const [WITHOUT_SYNC, WITH_SYNC] = [1, 2];

/** A database in memory, whose rollbacks fail while `isFull`. */
class FullDatabase extends DatabaseSync {
  isFull = false;

  constructor() {
    super(":memory:");
    this.exec("PRAGMA synchronous = FULL");
  }

  override prepare(sql: string) {
    const statement = super.prepare(sql);
    if (sql !== "ROLLBACK") return statement;
    const run = statement.run.bind(statement);
    statement.run = () => {
      if (this.isFull) throw new Error("disk I/O error");
      return run();
    };
    return statement;
  }

  synchronous() {
    return this.prepare("PRAGMA synchronous").get()!.synchronous;
  }
}

Deno.test("what a power cut may undo waits for no disk, and everything after it does again", () => {
  using db = new FullDatabase();
  const statements = new Statements(db);
  assertEquals(statements.withoutSync(() => db.synchronous()), WITHOUT_SYNC);
  assertEquals(db.synchronous(), WITH_SYNC);
  assertThrows(() =>
    statements.withoutSync(() => {
      throw new Error("no");
    })
  );
  assertEquals(db.synchronous(), WITH_SYNC);
});

Deno.test("within a transaction that waits for the disk it is a part of that", () => {
  using db = new FullDatabase();
  const statements = new Statements(db);
  const level = statements.atomically(() => statements.withoutSync(() => db.synchronous()));
  assertEquals(level, WITH_SYNC);
});

Deno.test("after one that could not even be rolled back the next one waits for the disk", () => {
  using db = new FullDatabase();
  const statements = new Statements(db);
  db.isFull = true;
  const fail = () => {
    throw new Error("disk full");
  };
  assertThrows(() => statements.withoutSync(fail), Error, "disk full");
  assertEquals([db.isTransaction, db.synchronous()], [true, WITHOUT_SYNC]);
  db.isFull = false;
  assertEquals(statements.atomically(() => db.synchronous()), WITH_SYNC);
  assertEquals(db.synchronous(), WITH_SYNC);
});
