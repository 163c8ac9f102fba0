import { assertEquals, assertMatch } from "@std/assert";
import { newCommandId } from "../../src/commands/command_id.ts";

const NOW = Date.parse("2025-06-01T12:34:56.789Z");

Deno.test("command ids are safe in a path", () => {
  assertMatch(newCommandId(NOW), /^[0-9a-z]{26}$/);
});

Deno.test("command ids are unique and sort in order, however many come in a millisecond", () => {
  const times = [NOW, ...Array(10_000).fill(NOW + 1), NOW + 2];
  const ids = times.map(newCommandId);
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(ids.toSorted(), ids);
});
