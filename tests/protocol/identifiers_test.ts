import { assertEquals, assertStringIncludes } from "@std/assert";
import { identifierProblem } from "../../src/protocol/identifiers.ts";

Deno.test("slugs, UUIDs and other plain names are identifiers", () => {
  for (
    const name of [
      "my-gpu-node",
      "6f1c7e9a-5b1d-4c53-9b0e-7d1d3c0c7b1a",
      "a",
      "a.b_c~d",
      "knoten-ü",
      "x".repeat(200),
      "...",
    ]
  ) assertEquals(identifierProblem(name), undefined, name);
});

const REFUSED: [value: unknown, problem: string][] = [
  [undefined, "must be a string"],
  [7, "must be a string"],
  [{}, "must be a string"],
  ["", "must not be empty"],
  ["x".repeat(201), "at most 200 characters"],
  [".", 'must not be "." or ".."'],
  ["..", 'must not be "." or ".."'],
  ["a+b", "must not hold"],
  ["#", "must not hold"],
  ["a/b", "must not hold"],
  ["a\\b", "must not hold"],
  ["a?b", "must not hold"],
  ["a b", "must not hold"],
  ["a\u00a0b", "must not hold"],
  ["a\u2028b", "must not hold"],
  ["a\0", "must not hold"],
  ["a\u001b[2J", "must not hold"],
  ["a\x7f", "must not hold"],
  ["x\u0085y", "must not hold"],
  ["a\u009f", "must not hold"],
  ["a\ufdd0", "must not hold"],
  ["a\ufdef", "must not hold"],
  ["a\ufffe", "must not hold"],
  ["a\uffff", "must not hold"],
  ["a\u{1ffff}", "must not hold"],
  ["a\u{10fffe}", "must not hold"],
  ["\ud800", "must not hold"],
];

for (const [value, problem] of REFUSED) {
  Deno.test(`${JSON.stringify(value)?.slice(0, 20)} is no identifier`, () => {
    assertStringIncludes(identifierProblem(value)!, problem);
  });
}
