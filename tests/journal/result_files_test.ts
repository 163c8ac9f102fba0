import { assertEquals } from "@std/assert";
import type { FoundFile } from "../../src/journal/result_files.ts";
import { newCommand, SUCCESS, TestJournal } from "../support/journal.ts";

function file(path: string, fingerprint = "1-1-1"): FoundFile {
  return { path: `/results/${path}`, size: 1, fingerprint };
}

/** A journal with commands that ended and have nothing to deliver. */
function journalWith(...ids: string[]): TestJournal {
  const test = new TestJournal();
  for (const id of ids) {
    test.journal.accept(newCommand(id));
    test.journal.end(id, SUCCESS, []);
  }
  return test;
}

Deno.test("files are claimed in their order, each with an id that a restart does not change", () => {
  using test = journalWith("a");
  test.journal.resultFiles.claim("a", [file("2\n'\u{1f600}"), file("1")]);
  const files = test.journal.resultFiles.of("a");
  assertEquals(files.map(({ path }) => path), ["/results/2\n'\u{1f600}", "/results/1"]);
  assertEquals(new Set(files.map(({ attachmentUuid }) => attachmentUuid)).size, 2);
  assertEquals(files.map(({ state }) => state), ["claimed", "claimed"]);
  assertEquals(test.restart().resultFiles.of("a"), files);
});

Deno.test("a file belongs to one command, and a command claims once", () => {
  using test = journalWith("a", "b");
  const { resultFiles } = test.journal;
  const paths = (id: string) => resultFiles.of(id).map(({ path }) => path);
  resultFiles.claim("a", [file("1")]);
  resultFiles.claim("a", [file("1"), file("2")]);
  resultFiles.claim("b", [file("1"), file("2")]);
  assertEquals([paths("a"), paths("b")], [["/results/1"], ["/results/2"]]);
});

Deno.test("a file can be claimed anew when it changed, or was removed and came again", () => {
  using test = journalWith("a", "b", "c", "d");
  const { resultFiles } = test.journal;
  resultFiles.claim("a", [file("1")]);
  resultFiles.claim("b", [file("1", "2-2-2")]);
  resultFiles.settled([
    { attachmentUuid: resultFiles.of("a")[0].attachmentUuid, state: "removed" },
    { attachmentUuid: resultFiles.of("b")[0].attachmentUuid, state: "left" },
  ]);
  resultFiles.claim("c", [file("1")]);
  resultFiles.claim("d", [file("1", "2-2-2")]);
  assertEquals(["a", "b", "c", "d"].map((id) => resultFiles.of(id).length), [1, 1, 1, 0]);
});

Deno.test("an upload is unfinished until all its files are settled or failed, oldest first", () => {
  using test = journalWith("b", "a", "c");
  const { resultFiles } = test.journal;
  for (const id of ["b", "a", "c"]) resultFiles.claim(id, [file(`${id}1`), file(`${id}2`)]);
  assertEquals(resultFiles.unfinished(), ["b", "a", "c"]);
  const [one, two] = resultFiles.of("a");
  resultFiles.sent(one.attachmentUuid, "https://storage/1?signature");
  assertEquals(resultFiles.of("a").map(({ state }) => state), ["sent", "claimed"]);
  resultFiles.sent(two.attachmentUuid, "https://storage/2?signature");
  resultFiles.acknowledged("a");
  resultFiles.failed("c", "refused");
  assertEquals(resultFiles.unfinished(), ["b", "a"]);
  resultFiles.settled([one, two].map(({ attachmentUuid }) => ({ attachmentUuid, state: "left" })));
  assertEquals(resultFiles.unfinished(), ["b"]);
  assertEquals(resultFiles.of("c").map(({ failure }) => failure), ["refused", "refused"]);
});

Deno.test("signed URLs are gone with the acknowledgement and with the failure", () => {
  using test = journalWith("a", "b");
  const { resultFiles } = test.journal;
  for (const id of ["a", "b"]) {
    resultFiles.claim(id, [file(id)]);
    resultFiles.sent(resultFiles.of(id)[0].attachmentUuid, "https://storage/?signature");
    assertEquals(resultFiles.of(id)[0].signedUrl, "https://storage/?signature");
  }
  resultFiles.acknowledged("a");
  resultFiles.failed("b", "refused");
  using reader = test.reader();
  const rows = reader.prepare("SELECT signed_url FROM result_files").all();
  assertEquals(rows.map(({ signed_url }) => signed_url), [null, null]);
});

Deno.test("a command is not forgotten before its upload is finished, and its files with it", () => {
  using test = journalWith("a");
  const { resultFiles } = test.journal;
  resultFiles.claim("a", [file("1")]);
  assertEquals(test.answered(), []);
  resultFiles.failed("a", "refused");
  assertEquals(test.answered(), ["a"]);
  test.journal.answered.forget(["a"]);
  assertEquals(resultFiles.of("a"), []);
});
