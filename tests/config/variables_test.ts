import { assertEquals } from "@std/assert";
import { variables } from "../../src/config/variables.ts";

Deno.test("variables are a mapping of names to texts, numbers and booleans", () => {
  assertEquals(variables.parse({ A: "x", B_2: 5, C: true }), {
    value: { A: "x", B_2: "5", C: "true" },
  });
});

Deno.test("what is no variable is refused", () => {
  const table: [unknown, string][] = [
    ["A=1", 'must be a mapping of variables to values, got "A=1"'],
    [{ "A B": "1" }, 'must be given for names of variables, got "A B"'],
    [{ A: ["1"] }, "must give A a text (put it in quotes)"],
    [{ A: null }, "must give A a text (put it in quotes)"],
    [{ A: "\0" }, "for A must not hold NUL"],
    [
      { CYBERWAVE_API_TOKEN: "t" },
      "must not set CYBERWAVE_API_TOKEN: workloads get a token unless pass_token is false",
    ],
  ];
  for (const [value, problem] of table) assertEquals(variables.parse(value), { problem });
});

Deno.test("the values of variables are never shown", () => {
  assertEquals(variables.format({ HF_TOKEN: "hf_secret", B: "x" }), "HF_TOKEN, B");
});
