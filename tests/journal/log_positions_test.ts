import { assertEquals } from "@std/assert";
import { message, newCommand, processHandle, SUCCESS, TestJournal } from "../support/journal.ts";

const HANDLE = processHandle({ pid: 7, startTime: "1", bootId: "b" });

function unsent({ journal }: TestJournal): [string, boolean, number, number][] {
  return journal.logPositions.unsent(0, 10)
    .map(({ id, ended, stdout, stderr }) => [id, ended, stdout, stderr]);
}

Deno.test("output of every started command is to be sent, from its beginning", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("queued"));
  test.journal.accept(newCommand("running"), HANDLE);
  test.journal.accept(newCommand("ended"), HANDLE);
  test.journal.end("ended", SUCCESS, []);
  assertEquals(unsent(test), [["running", false, 0, 0], ["ended", true, 0, 0]]);
  const [{ kind, requestId }] = test.journal.logPositions.unsent(0, 1);
  assertEquals([kind, requestId], ["inference", "request-running"]);
});

Deno.test("how much was sent is remembered across restarts", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("a"), HANDLE);
  test.journal.accept(newCommand("b"), HANDLE);
  test.journal.logPositions.advance([{ id: "a", stdout: 5, stderr: 0 }]);
  test.journal.logPositions.advance([
    { id: "a", stdout: 9, stderr: 1 },
    { id: "b", stdout: 2 ** 40, stderr: 0 },
  ]);
  test.restart();
  assertEquals(unsent(test), [["a", false, 9, 1], ["b", false, 2 ** 40, 0]]);
  assertEquals(test.journal.logPositions.find("a")?.stdout, 9);
});

Deno.test("what was sent to its end is not looked at again", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("a"), HANDLE);
  test.journal.logPositions.finish(["a"]);
  test.restart();
  assertEquals(unsent(test), []);
  assertEquals(test.journal.logPositions.find("a"), undefined);
});

Deno.test("commands come in pages, in their order", () => {
  using test = new TestJournal();
  for (const id of ["a", "b", "c"]) test.journal.accept(newCommand(id), HANDLE);
  const page = (after: number) => test.journal.logPositions.unsent(after, 2);
  const ids = (after: number) => page(after).map(({ id }) => id);
  assertEquals([ids(0), ids(page(0)[1].seq)], [["a", "b"], ["c"]]);
});

Deno.test("positions go with a forgotten command, and none can come back", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("a"), HANDLE);
  test.journal.accept(newCommand("b"), HANDLE);
  test.journal.logPositions.advance([{ id: "a", stdout: 5, stderr: 0 }]);
  test.journal.answered.forget(["a"]);
  test.journal.logPositions.advance([
    { id: "a", stdout: 6, stderr: 0 },
    { id: "b", stdout: 7, stderr: 0 },
  ]);
  assertEquals(unsent(test), [["b", false, 7, 0]]);
  using reader = test.reader();
  assertEquals(
    reader.prepare("SELECT command_id FROM log_positions").all().map((row) => row.command_id),
    ["b"],
  );
});

Deno.test("what is not to be sent is passed over, and only that", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("running"), HANDLE);
  test.journal.accept(newCommand("queued"));
  test.journal.logPositions.skip();
  test.journal.start("queued", HANDLE);
  test.journal.end("running", SUCCESS, [message("reply")]);
  assertEquals(unsent(test), [["queued", false, 0, 0]]);
});
