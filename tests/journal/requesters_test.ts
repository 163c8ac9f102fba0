import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { JOURNAL_FILE } from "../../src/journal/database_file.ts";
import { MIGRATIONS } from "../../src/journal/schema.ts";
import { message, newCommand, SUCCESS, TestJournal } from "../support/journal.ts";

const MARK = new Uint8Array([0, 1, 255]);

Deno.test("requesters are kept in their order, each once, and so are the marks of messages", () => {
  using test = new TestJournal();
  const { requesters } = test.journal;
  test.journal.accept(newCommand("c1"));
  for (const topic of ["a", "b", "a"]) requesters.add("c1", { topic, correlationData: MARK });
  requesters.add("c1", { topic: "a" });
  requesters.add("c1", { topic: "a" });
  const expected = [
    { topic: "b", correlationData: MARK },
    { topic: "a", correlationData: MARK },
    { topic: "a" },
  ];
  assertEquals(requesters.of("c1"), expected);
  assertEquals(requesters.of("c2"), []);
  test.journal.end("c1", SUCCESS, [{ ...message("x"), correlationData: MARK }, message("y")]);
  const { requesters: kept, messages } = test.restart();
  assertEquals(kept.of("c1"), expected);
  const marks = [MARK, undefined];
  const limit = { messages: 10, bytes: 1_000 };
  assertEquals(messages.pending(0, limit).map(({ correlationData }) => correlationData), marks);
  assertEquals(messages.repost("c1")!.map(({ correlationData }) => correlationData), marks);
});

Deno.test("of many requesters of one command the latest 16 are kept", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("c1"));
  for (let index = 0; index < 20; index++) test.journal.requesters.add("c1", { topic: `${index}` });
  const topics = test.journal.requesters.of("c1").map(({ topic }) => topic);
  assertEquals([topics.length, topics[0], topics.at(-1)], [16, "4", "19"]);
});

Deno.test("what an earlier version owes is sent without a mark", () => {
  using test = new TestJournal();
  const path = `${test.folder}/${JOURNAL_FILE}`;
  test.journal[Symbol.dispose]();
  Deno.removeSync(path);
  {
    using old = new DatabaseSync(path);
    const version = MIGRATIONS.findIndex((sql) => sql.includes("requesters"));
    old.exec(`${MIGRATIONS.slice(0, version).join(";")}; PRAGMA user_version = ${version}`);
    old.exec("INSERT INTO outbox (topic, payload, created_at) VALUES ('t', x'78', 0)");
  }
  const { messages } = test.open();
  assertEquals(messages.pending(0, { messages: 1, bytes: 1 }), [{ seq: 1, ...message("x") }]);
});
