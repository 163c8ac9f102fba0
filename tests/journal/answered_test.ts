import { assertEquals } from "@std/assert";
import { newCommand, SUCCESS, TestJournal } from "../support/journal.ts";

Deno.test("the end of the command with a certain rank is found page by page", async () => {
  using test = new TestJournal();
  const { journal, clock } = test;
  const ends: number[] = [];
  for (const id of ["a", "b", "c", "d", "e"]) {
    // Two end at a time.
    if (ends.length % 2 === 0) await clock.advance(1_000);
    journal.accept(newCommand(id));
    journal.end(id, SUCCESS, []);
    ends.unshift(clock.now());
  }
  for (const pageSize of [1, 2, 3, 10]) {
    const found = [1, 2, 3, 4, 5, 6].map((rank) =>
      [...journal.answered.endsOfLatest("succeeded", rank, pageSize)].at(-1)
    );
    assertEquals(found, [...ends, undefined], `pages of ${pageSize}`);
  }
  assertEquals([...journal.answered.endsOfLatest("succeeded", 4, 2)], [ends[1], ends[3]]);
  assertEquals([...journal.answered.endsOfLatest("failed", 1, 2)], [undefined]);
});
