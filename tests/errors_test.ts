import { assert, assertEquals } from "@std/assert";
import {
  AuthenticationError,
  BackendError,
  BrokerError,
  CloudNodeError,
  ConfigError,
  InstallScriptError,
  messageOf,
  MissingPermissionError,
  quoted,
  StateFolderInUseError,
} from "../src/errors.ts";

Deno.test("every error says what it is, how a process ends with it, and whether to try again", () => {
  const errors: [error: CloudNodeError, name: string, exitCode: number, permanent: boolean][] = [
    [new ConfigError("m"), "ConfigError", 2, true],
    [new AuthenticationError("m"), "AuthenticationError", 3, true],
    [new InstallScriptError("m"), "InstallScriptError", 4, true],
    [new MissingPermissionError("m"), "MissingPermissionError", 2, true],
    [new StateFolderInUseError("m"), "StateFolderInUseError", 5, true],
    [new BackendError("m"), "BackendError", 1, false],
    [new BrokerError("m"), "BrokerError", 1, false],
  ];
  for (const [error, name, exitCode, permanent] of errors) {
    assert(error instanceof Error && error instanceof CloudNodeError);
    assertEquals([error.name, error.message, error.exitCode, error.permanent, error.hint], [
      name,
      "m",
      exitCode,
      permanent,
      undefined,
    ]);
  }
});

Deno.test("an error keeps its hint and its cause", () => {
  const cause = new Error("why");
  const error = new ConfigError("m", { hint: "h", cause });
  assertEquals([error.hint, error.cause], ["h", cause]);
});

Deno.test("a backend's refusal is permanent, its trouble is not", () => {
  const permanent = (status?: number) => new BackendError("m", { status }).permanent;
  for (const status of [400, 401, 403, 404, 422]) assertEquals(permanent(status), true);
  for (const status of [undefined, 408, 425, 429, 500, 502, 503, 599, 302]) {
    assertEquals(permanent(status), false, String(status));
  }
});

Deno.test("a quoted value is harmless and short", () => {
  const values: [value: unknown, text: string][] = [
    ["a", '"a"'],
    ["", '""'],
    ['"\n\u001b', '"\\"\\n\\u001b"'],
    [7, "7"],
    [null, "null"],
    [undefined, "undefined"],
    [["a"], '["a"]'],
    [{ a: 1 }, '{"a":1}'],
  ];
  for (const [value, text] of values) assertEquals(quoted(value), text);
  const long = quoted("x".repeat(1_000));
  assert(long.length < 240 && long.endsWith("… (1002 characters)"), long);
});

Deno.test("anything that is thrown has a message", () => {
  assertEquals(messageOf(new Error("m")), "m");
  assertEquals(messageOf("text"), "text");
  assertEquals(messageOf(undefined), "undefined");
  assertEquals(messageOf({ code: 7 }), '{"code":7}');
  assertEquals(messageOf(Object.create(null)), "something that cannot be read was thrown");
});

Deno.test("a value that no JSON can hold is quoted all the same", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  assertEquals([cycle, 7n, undefined, null].map(quoted), [
    "[object Object]",
    "7",
    "undefined",
    "null",
  ]);
});
