import { assert, assertEquals, assertMatch } from "@std/assert";
import { interpolate } from "../../../src/config/files/interpolate.ts";

const ENV: Readonly<Record<string, string>> = { A: "a", EMPTY: "", NESTED: "${A}" };

function lookUp(name: string): string | undefined {
  return Object.hasOwn(ENV, name) ? ENV[name] : undefined;
}

Deno.test("variables stand in for their names, as in compose", () => {
  const table: [string, string, string[]?][] = [
    ["x$A-${A}y", "xa-ay"],
    ["$$A $${A} $$$A", "$A ${A} $a"],
    ["${NO}$NO", "", ["NO"]],
    ["${NO:-d} ${EMPTY:-d} ${A:-d}", "d d a"],
    ["${NO-d} ${EMPTY-d} ${A-d}", "d  a"],
    ["${A:+r} ${EMPTY:+r} ${NO:+r}", "r  "],
    ["${EMPTY+r}${NO+r}", "r"],
    ["${NO:-${ALSO_NO:-${A}}}/x", "a/x"],
    ["${NO:-}", ""],
    ["${A:-${NO:?not asked for}}", "a"],
    ["${A:-$NO}", "a"],
    ["${A:?must be set}", "a"],
    ["${EMPTY?must be set}", ""],
    ["costs $5, 100$", "costs $5, 100$"],
    ["{A} }", "{A} }"],
    ["$NESTED", "${A}"],
    ["${toString}", "", ["toString"]],
  ];
  for (const [text, value, unset = []] of table) {
    assertEquals(interpolate(text, lookUp), { value, unset }, text);
  }
});

Deno.test("what must be set and is not is a problem, in the words of its author", () => {
  const table: [string, string][] = [
    ["${NO:?}", "needs the variable NO"],
    ["${EMPTY:?the model}", 'needs the variable EMPTY: "the model"'],
    ["${NO?of ${A}}", 'needs the variable NO: "of a"'],
  ];
  for (const [text, problem] of table) assertEquals(interpolate(text, lookUp).problem, problem);
});

Deno.test("what is no expansion is a problem", () => {
  for (const text of ["${", "${}", "${A", "${A B}", "${1}", "${A:-", "${A:x}", "${NO:-${A}"]) {
    assertMatch(interpolate(text, lookUp).problem ?? "", /^has \$\{ that is no/, text);
  }
});

Deno.test("no depth of expansions takes long or fails otherwise", () => {
  const deep = "${NO:-".repeat(100_000) + "}".repeat(100_000);
  assertEquals(interpolate(deep, lookUp).problem, "has ${...} nested too deeply");
  const long = "${A} ".repeat(100_000);
  assert(interpolate(long, lookUp).value.length === 200_000);
});
