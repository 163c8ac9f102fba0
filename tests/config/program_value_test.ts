import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { program } from "../../src/config/program_value.ts";

Deno.test("a text and a mapping with a command are a process for each command", () => {
  const expected = { value: { type: "command", command: "run {body}" } } as const;
  assertEquals(program.parse("run {body}"), expected);
  assertEquals(program.parse({ command: "run {body}" }), expected);
  assertEquals(program.format(expected.value), "run {body}");
});

const WRONG: readonly [given: unknown, problem: string][] = [
  [7, "must be a shell command, or a mapping with command, worker, server or url, got 7"],
  [{}, "must have one of command, worker, server, url"],
  [{ workers: 2 }, "must have one of command, worker, server, url"],
  [{ command: "a", worker: "b" }, "must have only one of command and worker"],
  [{ command: "a", workers: 2 }, "must not have workers beside command: it belongs to worker"],
  [{ server: "a" }, "must have a url beside server: where it takes commands"],
  [
    { url: "http://127.0.0.1/", yield_to: "training" },
    "must not have yield_to beside url alone: the node does not start that server",
  ],
  [
    { command: "a", yield_to: "training" },
    "must not have yield_to beside command: it belongs to worker or server",
  ],
  [
    { url: "http://127.0.0.1/", keep_loaded: 60 },
    "must not have keep_loaded beside url alone: the node does not start that server",
  ],
];

for (const [given, problem] of WRONG) {
  Deno.test(`a program that is ${JSON.stringify(given)} is refused`, () => {
    assertEquals(program.parse(given), { problem });
  });
}

for (const given of [{ worker: "a" }, { server: "a", url: "http://127.0.0.1:1/" }]) {
  Deno.test(`what is loaded by ${Object.keys(given)[0]} may make room for training`, () => {
    const parsed = program.parse({ ...given, yield_to: "training" });
    assert("value" in parsed && "yieldTo" in parsed.value);
    assertEquals(parsed.value.yieldTo, "training");
    assertStringIncludes(program.format(parsed.value), "yield_to: training");
    assertEquals("problem" in program.parse({ ...given, yield_to: "inference" }), true);
  });
}

Deno.test("a wrong value inside of a program is named with the way to it", () => {
  const problem = 'has a wrong command: it must be a shell command, got " "';
  assertEquals(program.parse({ command: " " }), { problem, path: ["command"] });
});
