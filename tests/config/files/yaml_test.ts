import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseYaml, YamlError } from "../../../src/config/files/yaml.ts";

Deno.test("YAML: aliases and merging are fine where somebody writes them", () => {
  const text = "base: &b {x: 1}\na: *b\nc:\n  <<: *b\n  y: 2\nrun: ls *.py *\n";
  assertEquals(parseYaml(text), {
    base: { x: 1 },
    a: { x: 1 },
    c: { x: 1, y: 2 },
    run: "ls *.py *",
  });
});

/** Lists of five aliases for the one before: 5 to the power of 9 values. */
const BOMB = "x0: &x0 [a,a,a,a,a]\n" +
  Array.from({ length: 8 }, (_, i) => `x${i + 1}: &x${i + 1} [${Array(5).fill(`*x${i}`)}]\n`).join(
    "",
  );

const REFUSED: readonly [what: string, text: string, why: string][] = [
  ["a bomb", BOMB, "It holds more than 100000 values"],
  [
    "many aliases",
    `a: &a 1\nb: [${"*a,".repeat(60)}]`,
    "more than 50 aliases at line 2, column 155",
  ],
  ["a mapping in itself", "a: &a\n  b: *a\n", "An alias stands for a value that it is part of"],
  ["a list in itself", "&a [1, [*a]]", "An alias stands for a value that it is part of"],
  ["deep nesting", "[".repeat(100_000), "It is nested too deeply"],
  [
    "a tab as indentation",
    "a:\n\tb: 1\n",
    "Tabs cannot be used for indentation at line 2, column 1",
  ],
];

for (const [what, text, why] of REFUSED) {
  Deno.test(`YAML: ${what} is refused`, () => {
    assertStringIncludes(assertThrows(() => parseYaml(text), SyntaxError).message, why);
  });
}

const SPACES: readonly [what: string, text: string, where: string][] = [
  ["a no-break space", "cyberwave:\n\u00a0\u00a0inference: x\n", "U+00A0 at line 2, column 1"],
  ["one behind spaces", "cyberwave:\n  \u00a0inference: x\n", "U+00A0 at line 2, column 3"],
  ["one before spaces", "a: 1\nb:\n\u00a0 c: 2\n", "U+00A0 at line 3, column 1"],
  ["one in a nested mapping", "a:\n  b:\n    \u00a0c: 1\n", "U+00A0 at line 3, column 5"],
  ["one in a list", "a:\n- \u00a0b: 1\n", "U+00A0 at line 2, column 3"],
  ["an em space", "a:\n\u2003b: 1\n", "U+2003 at line 2, column 1"],
  ["an ideographic space", "a:\n\u3000b: 1\n", "U+3000 at line 2, column 1"],
  ["a zero-width space", "\u200bb: 1\n", "U+200B at line 1, column 1"],
  ["a byte order mark further down", "a: 1\n\ufeffb: 1\n", "U+FEFF at line 2, column 1"],
  ["a no-break space behind a key", "a: 1\nb\u00a0: 1\n", "U+00A0 at line 2, column 2"],
];

for (const [what, text, where] of SPACES) {
  Deno.test(`YAML: ${what} is no indentation`, () => {
    const { message } = assertThrows(() => parseYaml(text), SyntaxError);
    assertEquals(message, `Only plain spaces may stand beside a key, not ${where}`);
  });
}

Deno.test("YAML: such spaces may stand in values, comments and quoted keys", () => {
  const text = 'a: "\u00a0b"\n# \u00a0x: 1\nc: |\n  echo\u00a0d\n"\\u00a0e": 1\n';
  assertEquals(parseYaml(text), { a: "\u00a0b", c: "echo\u00a0d\n", "\u00a0e": 1 });
});

Deno.test("YAML: each error says what to do about it", () => {
  const hints: [text: string, hint: string][] = [
    [BOMB, "without aliases"],
    ["a: &a\n  b: *a\n", "without aliases"],
    ["[".repeat(100_000), "in few levels"],
    ["a:\n\tb: 1\n", "plain spaces"],
    ["a:\n\u00a0b: 1\n", "plain spaces"],
    ["a: 1\na: 2\n", "Keep one"],
    ["a: b: c\n", "on a line of its own"],
  ];
  for (const [text, hint] of hints) {
    assertStringIncludes(assertThrows(() => parseYaml(text), YamlError).hint, hint);
  }
});
