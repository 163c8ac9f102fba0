import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { GroupCommit } from "../../src/journal/group_commit.ts";
import { Statements } from "../../src/journal/statements.ts";
import { newCommand, TestJournal } from "../support/journal.ts";

/** A database of a table, which counts its transactions, and commits to it. */
class Commits implements Disposable {
  readonly database = new DatabaseSync(":memory:");
  readonly group: GroupCommit;
  transactions = 0;
  /** The statement that fails when it is run next. */
  failing: string | undefined;

  constructor() {
    this.database.exec("CREATE TABLE notes (text TEXT NOT NULL)");
    const statements = new Statements(this.database);
    const run = statements.run.bind(statements);
    statements.run = (sql, ...values) => {
      if (sql === this.failing) {
        this.failing = undefined;
        throw new Error("disk I/O error");
      }
      if (sql === "COMMIT") this.transactions++;
      return run(sql, ...values);
    };
    this.group = new GroupCommit(statements);
  }

  /** Writes a note in the transaction of this turn. */
  write(text: string | null): Promise<string | null> {
    return this.group.commit(() => this.insert(text));
  }

  insert(text: string | null): string | null {
    this.database.prepare("INSERT INTO notes VALUES (?)").run(text);
    return text;
  }

  get notes(): unknown[] {
    return this.database.prepare("SELECT text FROM notes").all().map(({ text }) => text);
  }

  /** Lets no more be stored than there is. */
  fillDisk(): void {
    const { page_count } = this.database.prepare("PRAGMA page_count").get()!;
    this.database.exec(`PRAGMA max_page_count = ${page_count}`);
  }

  [Symbol.dispose](): void {
    this.database.close();
  }
}

Deno.test("all writes of a turn are one transaction, and each has its own result", async () => {
  using commits = new Commits();
  const results = await Promise.all(["a", "b", "c"].map((text) => commits.write(text)));
  assertEquals([results, commits.transactions], [["a", "b", "c"], 1]);
  await commits.write("d");
  assertEquals([commits.notes, commits.transactions], [["a", "b", "c", "d"], 2]);
});

Deno.test("nothing is stored before the end of the turn, and all of it once a write resolves", async () => {
  using commits = new Commits();
  const written = commits.write("a");
  assertEquals(commits.notes, []);
  commits.write("b");
  await written;
  assertEquals(commits.notes, ["a", "b"]);
});

Deno.test("a write that is not urgent waits for the next transaction, in which it keeps its place", async () => {
  using commits = new Commits();
  const soon = ["a", "b"].map((text) => commits.group.commitSoon(() => commits.insert(text)));
  await commits.write("c");
  assertEquals(await Promise.all(soon), ["a", "b"]);
  assertEquals([commits.notes, commits.transactions], [["a", "b", "c"], 1]);
  await commits.group.commitSoon(() => commits.insert("alone"));
  assertEquals([commits.notes.at(-1), commits.transactions], ["alone", 2]);
});

Deno.test("a write that throws takes no other with it, and leaves nothing of itself", async () => {
  using commits = new Commits();
  const failing = commits.group.commit(() => {
    commits.insert("half");
    commits.insert(null);
  });
  const others = ["a", "b"].map((text) => commits.write(text));
  await assertRejects(() => failing, Error, "NOT NULL");
  assertEquals(await Promise.all(others), ["a", "b"]);
  assertEquals([commits.notes, commits.transactions], [["a", "b"], 1]);
});

Deno.test("when the disk is full all writes are rejected and none is stored, until there is room", async () => {
  using commits = new Commits();
  commits.fillDisk();
  const writes = ["a", "x".repeat(1e6), "b"].map((text) => commits.write(text));
  for (const write of writes) await assertRejects(() => write, Error, "is full");
  assertEquals([commits.notes, commits.transactions], [[], 0]);
  commits.database.exec("PRAGMA max_page_count = 1000000");
  assertEquals([await commits.write("c"), commits.notes], ["c", ["c"]]);
});

Deno.test("a commit that fails rejects all writes, and none is stored", async () => {
  using commits = new Commits();
  commits.database.exec(`PRAGMA foreign_keys = ON;
    CREATE TABLE owners (id INTEGER PRIMARY KEY);
    CREATE TABLE things (owner REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED)`);
  const good = commits.write("a");
  const bad = commits.group.commit(() => commits.database.exec("INSERT INTO things VALUES (1)"));
  for (const write of [good, bad]) await assertRejects(() => write, Error, "FOREIGN KEY");
  assertEquals(commits.notes, []);
  assertEquals([await commits.write("b"), commits.notes], ["b", ["b"]]);
});

Deno.test("a write that a write makes is the last one of the same transaction", async () => {
  using commits = new Commits();
  const results: unknown[] = [];
  const write = (text: string) => commits.write(text).then((result) => results.push(result));
  const outer = commits.group.commit(() => {
    write("inner");
    return commits.insert("outer");
  }).then((result) => results.push(result));
  await Promise.all([outer, write("beside")]);
  assertEquals([commits.notes, commits.transactions], [["outer", "beside", "inner"], 1]);
  await Promise.resolve();
  assertEquals(results, commits.notes);
  await write("next");
  assertEquals([commits.notes.length, commits.transactions], [4, 2]);
});

Deno.test("a write alone that throws leaves nothing of itself, and takes what it has added with it", async () => {
  using commits = new Commits();
  let added: Promise<unknown> | undefined;
  const failing = commits.group.commit(() => {
    added = commits.write("added");
    commits.insert("half");
    commits.insert(null);
  });
  await assertRejects(() => failing, Error, "NOT NULL");
  await assertRejects(() => added!, Error, "NOT NULL");
  assertEquals([commits.notes, commits.transactions], [[], 0]);
  assertEquals([await commits.write("next"), commits.notes], ["next", ["next"]]);
});

Deno.test("a write that a write makes is rejected with it when the disk is full", async () => {
  using commits = new Commits();
  commits.fillDisk();
  let inner: Promise<unknown> | undefined;
  const outer = commits.group.commit(() => {
    inner = commits.write("x".repeat(1e6));
    return commits.insert("outer");
  });
  await assertRejects(() => outer, Error, "is full");
  await assertRejects(() => inner!, Error, "is full");
  assertEquals(commits.notes, []);
});

Deno.test("a transaction within a write is undone by itself", async () => {
  using test = new TestJournal();
  const { journal } = test;
  await journal.commit(() => {
    journal.accept(newCommand("kept"));
    try {
      journal.atomically(() => {
        journal.accept(newCommand("undone"));
        throw new Error("changed its mind");
      });
    } catch {
      // The rest of the write goes on.
    }
  });
  assertEquals([journal.find("kept")?.id, journal.find("undone")], ["kept", undefined]);
});

Deno.test("closing the journal brings what waits to the disk", async () => {
  using test = new TestJournal();
  const accepted = test.journal.commit(() => test.journal.accept(newCommand("c1")));
  test.restart();
  await accepted;
  assertEquals(test.journal.find("c1")?.id, "c1");
});

Deno.test("a transaction that could not be rolled back takes none of the next one with it", async () => {
  using commits = new Commits();
  const failing = commits.group.commit(() => {
    commits.insert("first");
    commits.database.exec("RELEASE nested"); // So that the transaction fails as a whole.
  });
  commits.failing = "ROLLBACK";
  await assertRejects(() => failing);
  await commits.write("second");
  assertEquals([commits.notes, commits.database.isTransaction], [["second"], false]);
});

for (const statement of ["ROLLBACK TO nested", "RELEASE nested"]) {
  Deno.test(`when ${statement} fails, nothing of a write that failed is stored`, async () => {
    using commits = new Commits();
    const failing = commits.group.commit(() => {
      commits.insert("half");
      commits.failing = statement;
      throw new Error("not today");
    });
    const beside = commits.write("beside");
    await assertRejects(() => failing);
    await assertRejects(() => beside);
    assertEquals([commits.notes, commits.database.isTransaction], [[], false]);
    await commits.write("again");
    assertEquals(commits.notes, ["again"]);
  });
}
