import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { JOURNAL_FILE } from "../../src/journal/database_file.ts";
import { type ResultFile, ResultFiles } from "../../src/journal/result_files.ts";
import { MIGRATIONS } from "../../src/journal/schema.ts";
import { Statements } from "../../src/journal/statements.ts";
import { newCommand, SUCCESS, TestJournal } from "../support/journal.ts";

function file(name: string, fingerprint = "1-1-1"): ResultFile {
  return { path: `/results/${name}`, name, size: 1, fingerprint };
}

const SENT = { signedUrl: "https://storage/?signature", attachmentUuid: "u-1" };

/** A journal with commands that ended and have nothing to deliver. */
function journalWith(...ids: string[]): TestJournal {
  const test = new TestJournal();
  for (const id of ids) {
    test.journal.accept(newCommand(id));
    test.journal.end(id, SUCCESS, []);
  }
  return test;
}

Deno.test("files are recorded in their order, and a restart does not change them", () => {
  using test = journalWith("a");
  test.journal.resultFiles.record("a", [file("2\n'\u{1f600}"), file("1")]);
  const files = test.journal.resultFiles.of("a");
  assertEquals(files.map(({ name }) => name), ["2\n'\u{1f600}", "1"]);
  assertEquals(files.map(({ state }) => state), ["claimed", "claimed"]);
  assertEquals(test.restart().resultFiles.of("a"), files);
});

Deno.test("10,000 files are recorded in a moment", () => {
  using test = journalWith("a");
  const files = Array.from({ length: 10_000 }, (_, index) => file(`${index}`));
  for (let time = 0; time < 2; time++) test.journal.resultFiles.record("a", files);
  assertEquals(test.journal.resultFiles.of("a").length, 10_000);
});

Deno.test("recorded again, an unchanged file keeps its state, a changed one takes the earlier one's place", () => {
  using test = journalWith("a");
  const { resultFiles } = test.journal;
  resultFiles.record("a", [file("same"), file("changed"), file("removed"), file("waited")]);
  const [same, changed, removed] = resultFiles.of("a");
  for (const { seq } of [same, changed, removed]) resultFiles.sent(seq, SENT);
  const moved = { ...file("same"), path: "/moved/same" };
  resultFiles.record("a", [moved, file("changed", "2-2-2"), file("new")]);
  assertEquals(
    resultFiles.of("a").map((
      { name, path, state, fingerprint },
    ) => [name, path, state, fingerprint]),
    [
      ["same", "/moved/same", "sent", "1-1-1"],
      ["removed", "/results/removed", "sent", "1-1-1"],
      ["changed", "/results/changed", "claimed", "2-2-2"],
      ["new", "/results/new", "claimed", "1-1-1"],
    ],
  );
});

Deno.test("a file is another's from when it is recorded until it is removed or changes", () => {
  using test = journalWith("a", "b");
  const { resultFiles } = test.journal;
  resultFiles.record("a", [file("1")]);
  const [{ seq }] = resultFiles.of("a");
  assertEquals(["a", "b"].map((id) => resultFiles.isTaken(file("1"), id)), [false, true]);
  assertEquals(resultFiles.isTaken(file("1", "2-2-2"), "b"), false);
  resultFiles.sent(seq, SENT);
  assertEquals(["a", "b"].map((id) => resultFiles.isTaken(file("1"), id)), [true, true]);
  resultFiles.cleaned([{ seq, state: "left" }]);
  assertEquals(resultFiles.isTaken(file("1"), "b"), true);
  resultFiles.cleaned([{ seq, state: "removed" }]);
  assertEquals(resultFiles.isTaken(file("1"), "b"), false);
});

Deno.test("a command that runs has others beside it that had not ended when it started", async () => {
  using test = new TestJournal();
  const { journal, clock } = test;
  const handle = { executor: "process", attempt: "1", bootId: "b" };
  const start = async (id: string, workloadUuid?: string) => {
    await clock.advance(1);
    journal.accept(newCommand(id, { workloadUuid }), handle);
  };
  const end = async (id: string) => {
    await clock.advance(1);
    journal.end(id, SUCCESS, []);
  };
  const beside = (id: string) => journal.resultFiles.ranBeside(id);
  await start("before", "w");
  await end("before");
  await start("a", "w");
  await start("nobody's");
  journal.accept(newCommand("queued", { workloadUuid: "w" }));
  assertEquals(beside("a"), 0);
  await start("b", "w");
  assertEquals([beside("a"), beside("b")], [1, 1]);
  await end("b");
  assertEquals(beside("a"), 1);
  await end("a");
  journal.accept(newCommand("after", { workloadUuid: "w" }), handle);
  assertEquals(beside("after"), 0);
});

Deno.test("signed URLs are gone with the acknowledgement, with the failure, and when files are left", () => {
  using test = journalWith("a", "b", "c");
  const { resultFiles } = test.journal;
  for (const id of ["a", "b", "c"]) {
    resultFiles.record(id, [file(id)]);
    resultFiles.sent(resultFiles.of(id)[0].seq, SENT);
    const [{ signedUrl, attachmentUuid }] = resultFiles.of(id);
    assertEquals({ signedUrl, attachmentUuid }, SENT);
  }
  resultFiles.acknowledged("a");
  resultFiles.failed("b", "refused");
  resultFiles.cleaned([{ seq: resultFiles.of("c")[0].seq, state: "left" }]);
  assertEquals(resultFiles.of("b")[0].failure, "refused");
  using reader = test.reader();
  const rows = reader.prepare("SELECT signed_url FROM result_files").all();
  assertEquals(rows.map(({ signed_url }) => signed_url), [null, null, null]);
});

Deno.test("a command is not forgotten before its upload is finished, and its files with it", () => {
  using test = journalWith("a");
  const { resultFiles } = test.journal;
  resultFiles.record("a", [file("1")]);
  assertEquals(test.answered(), []);
  resultFiles.failed("a", "refused");
  assertEquals(test.answered(), ["a"]);
  test.journal.answered.forget(["a"]);
  assertEquals(resultFiles.of("a"), []);
});

Deno.test("files that an earlier version recorded are named by their paths; what it sent goes again", () => {
  const folder = Deno.makeTempDirSync();
  try {
    using old = new DatabaseSync(`${folder}/${JOURNAL_FILE}`);
    const version = MIGRATIONS.findIndex((sql) => sql.includes("named_files"));
    old.exec(MIGRATIONS.slice(0, version).join(";"));
    old.exec(
      `INSERT INTO commands (id, kind, params, slug, instance_uuid, reply_topic, state, accepted_at)
      VALUES ('a', 'training', '', 's', 'u', 't', 'ended', 1);
      INSERT INTO result_files (command_id, path, size, fingerprint, attachment_uuid, state, signed_url)
      VALUES ('a', '/results/1/x.pt', 1, 'f', 'one', 'sent', 'https://s/'),
        ('a', '/results/2/x.pt', 1, 'f', 'two', 'claimed', NULL);`,
    );
    old.exec(MIGRATIONS[version]);
    const files = new ResultFiles(new Statements(old)).of("a");
    assertEquals(files.map(({ name, state, attachmentUuid }) => [name, state, attachmentUuid]), [
      ["results/1/x.pt", "claimed", undefined],
      ["results/2/x.pt", "claimed", undefined],
    ]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
