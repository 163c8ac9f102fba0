import { assertEquals } from "@std/assert";
import { type YamlPath, yamlPosition } from "../../../src/config/files/yaml_position.ts";

function position(path: YamlPath, text: string): string | undefined {
  return yamlPosition(text, path);
}

Deno.test("a value is found where it begins", () => {
  assertEquals(position(["a"], "a: 1\n"), "line 1, column 4");
  assertEquals(position(["w", "b"], "w:\n  a: 1\n  b:   two\n"), "line 3, column 8");
  assertEquals(position(["w", "b"], "w: {a: 1, b: 2}\n"), "line 1, column 14");
  assertEquals(position(["b"], "'a': 1\n\"b\" : 2\n"), "line 2, column 7");
  assertEquals(position(["a", "b-c"], "b-c: 0\na: { c: 1, b-c: 2 }\n"), "line 2, column 17");
});

Deno.test("of a value that begins on another line the key is found", () => {
  assertEquals(position(["a"], "x: 1\na: # comment\n  b: 1\n"), "line 2, column 1");
  assertEquals(position(["a"], "x: 1\na:\n  - 1\n"), "line 2, column 1");
  assertEquals(position(["a"], "x: 1\na: |\n  a: 2\n"), "line 2, column 4");
});

Deno.test("items of lists are found by their text", () => {
  assertEquals(position(["l", 1], "l:\n  - one\n  - two\n"), "line 3, column 5");
  assertEquals(position(["l", 1], "two: two\nl: [one, 'two']\n"), "line 2, column 10");
  assertEquals(position(["l", 1], "l:\n  - two\n  - two\n"), "line 3, column 5");
  assertEquals(position(["l", 0, "p"], "l:\n  - p: x\n    q: 1\n"), "line 2, column 8");
});

Deno.test("what only looks like the key is not taken for it", () => {
  const text = `# port: 1
script: |
  port: 2
"quoted": "port: 3"
port-2: 4
other:
  port: 5
list: [{port: 6}]
port: 7
`;
  assertEquals(position(["port"], text), "line 9, column 7");
  assertEquals(position(["other", "port"], text), "line 7, column 9");
});

Deno.test("what cannot be found has the position of what holds it, or none", () => {
  assertEquals(position(["l", 0], "x: 1\nl: [\n  'it''s']\n"), "line 2, column 4");
  assertEquals(position(["é"], '"\\u00e9": 1\n'), undefined);
  assertEquals(position(["a"], "b: 1\n"), undefined);
});

Deno.test("a document that is made to take long gets no position", () => {
  const text = `script: |\n${"  a: 1\n".repeat(30_000)}a: 2\n`;
  assertEquals(position(["a"], text), undefined);
});

Deno.test("no value of the document is a pattern", () => {
  assertEquals(position(["a.*("], "abc(: 0\n'a.*(': 1\n"), "line 2, column 9");
  assertEquals(position(["l", 0], "l: ['$&(']\n"), "line 1, column 5");
});
