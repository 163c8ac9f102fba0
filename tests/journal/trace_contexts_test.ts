import { assertEquals } from "@std/assert";
import { message, newCommand, SUCCESS, TestJournal } from "../support/journal.ts";

const CONTEXT = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  isSampled: false,
};

Deno.test("the traces of commands are there after a restart", () => {
  using test = new TestJournal();
  for (const id of ["c1", "c2", "c3"]) test.journal.accept(newCommand(id));
  test.journal.traceContexts.add("c1", CONTEXT);
  test.journal.traceContexts.add("c2", { ...CONTEXT, isSampled: true, state: "a=1" });
  const { traceContexts } = test.restart();
  assertEquals(["c1", "c2", "c3"].map((id) => traceContexts.of(id)), [
    CONTEXT,
    { ...CONTEXT, isSampled: true, state: "a=1" },
    undefined,
  ]);
});

Deno.test("the commands whose messages are still to be delivered are known", () => {
  using test = new TestJournal();
  const { journal } = test;
  for (const id of ["c1", "c2"]) journal.accept(newCommand(id));
  const [first] = journal.end("c1", SUCCESS, [message("a"), message("b")]);
  const [second] = journal.end("c2", SUCCESS, [message("c")]);
  journal.messages.post(message("of no command"));
  assertEquals(journal.messages.pendingCommands(), ["c1", "c2"]);
  journal.messages.delivered([first!.seq, second!.seq]);
  assertEquals(journal.messages.pendingCommands(), ["c1"]);
});
