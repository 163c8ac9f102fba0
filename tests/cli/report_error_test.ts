import { assertEquals } from "@std/assert";
import { hintOf } from "../../src/cli/report_error.ts";
import { ConfigError } from "../../src/errors.ts";

Deno.test("a full disk is no bug: the hint says to free some space", () => {
  for (
    const message of [
      "database or disk is full",
      "ENOSPC: no space left on device, write",
      "No space left on device (os error 28)",
    ]
  ) {
    assertEquals(
      hintOf(new Error(message)),
      "Free some space, or name a state folder on another disk with --state-folder",
    );
  }
});

Deno.test("an error that was foreseen has its own hint, any other is a bug", () => {
  assertEquals(hintOf(new ConfigError("x", { hint: "y" })), "y");
  assertEquals(hintOf(new ConfigError("x")), undefined);
  assertEquals(hintOf(new Error("x")), "This is a bug; run again with -v for the stack trace");
});
