import { assert, assertEquals, assertMatch } from "@std/assert";
import { newCommandId } from "../../src/commands/command_id.ts";

Deno.test("ids of commands are safe in a path, sort by time and hardly ever meet", () => {
  const now = Date.parse("2025-01-01T00:00:00Z");
  const ids = Array.from({ length: 100 }, () => newCommandId(now));
  for (const id of ids) assertMatch(id, /^[0-9a-z]{14}$/);
  assertEquals(new Set(ids).size, 100);
  assert(newCommandId(now) < newCommandId(now + 1));
});
