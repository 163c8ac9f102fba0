import { assertEquals } from "@std/assert";
import { parseArguments } from "../../src/cli/arguments.ts";
import { demoSteps } from "../../src/cli/subcommands/demo.ts";
import { shellWord } from "../../src/cli/invocation.ts";
import { duration, table } from "../../src/cli/terminal/layout.ts";
import { harmless } from "../../src/cli/terminal/terminal.ts";
import { resolveConfig } from "../../src/config/resolve.ts";

Deno.test("a length of time is shown in its two largest units", () => {
  const cases: [number, string][] = [
    [-5_000, "0.0s"],
    [0, "0.0s"],
    [1_440, "1.4s"],
    [12_900, "12s"],
    [62_000, "1m 02s"],
    [2 * 3_600_000 + 5 * 60_000, "2h 05m"],
    [3 * 86_400_000 + 4 * 3_600_000, "3d 04h"],
  ];
  for (const [ms, text] of cases) assertEquals(duration(ms), text);
});

Deno.test("columns of a table are aligned", () => {
  assertEquals(table([["A", "B"], ["long", "x"], ["y", ""]]), ["A     B", "long  x", "y"]);
});

Deno.test("a word for a shell is quoted where it must be", () => {
  assertEquals(shellWord("--slug"), "--slug");
  assertEquals(shellWord('{"x": 1}'), `'{"x": 1}'`);
  assertEquals(shellWord("it's"), `'it'\\''s'`);
  assertEquals(shellWord(""), "''");
});

Deno.test("text from elsewhere cannot move the cursor of a terminal", () => {
  assertEquals(harmless("a\u001b[2Jb\nc\u0007\td"), "ab\nc\\u0007\td");
});

Deno.test("operands are text, whatever they look like", () => {
  const syntax = { name: "logs", operands: ["<id>", "[more]"], flags: [], settings: ["slug"] };
  const args = parseArguments(["007", "--slug", "1e3", "--", "--slug"], syntax);
  assertEquals(args.operands, ["007", "--slug"]);
  assertEquals(args.value("slug"), "1e3");
});

Deno.test("the demonstration expects what the settings promise", () => {
  const expected = (config: Parameters<typeof resolveConfig>[0]) =>
    demoSteps(resolveConfig(config), false).map(({ expected }) => expected);
  assertEquals(expected({ inference: "a", training: "b" }), ["ok", "ok", "error", "ok"]);
  assertEquals(expected({ training: "b" }), ["ok", "error", "error", "ok"]);
});
