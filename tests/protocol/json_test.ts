import { assertEquals } from "@std/assert";
import {
  isJsonObject,
  jsonTypeOf,
  nestingDepth,
  parseLossless,
  salvageString,
} from "../../src/protocol/json.ts";

Deno.test("parseLossless() gives back what JSON.stringify() then writes as it was", () => {
  for (
    const text of [
      "12345678901234567890",
      "1.0",
      "1e2",
      "-0",
      "0.1",
      "1e-400",
      '{"a":[1.10,{"b":2.0}],"c":null}',
      '"\\ud800"',
    ]
  ) assertEquals(JSON.stringify(parseLossless(text)), text);
});

Deno.test("a number that is kept as text is a number, not an object", () => {
  for (const number of [7, parseLossless("1.0")]) {
    assertEquals([isJsonObject(number), jsonTypeOf(number)], [false, "a number"]);
  }
});

Deno.test("nestingDepth() counts what is nested, not what stands side by side", () => {
  const depths: [text: string, depth: number][] = [
    ["7", 0],
    ['"[[["', 0],
    ["[]", 1],
    ["[[],[],{}]", 2],
    ['{"a":{"b":[]},"c":"\\\\"}', 3],
    ['{"unended: [[[', 1],
    ["]]]][[", 0],
    ['"\\"[" []', 1],
  ];
  for (const [text, depth] of depths) assertEquals(nestingDepth(text), depth, text);
});

Deno.test("salvageString() finds a string at the top of what is no JSON any more", () => {
  const texts: [text: string, found: string | undefined][] = [
    ['{"id":"a"', "a"],
    ['{"id" \n:\t"a", ?', "a"],
    ['{"other":[{"id":"b"}],"id":"a"', "a"],
    ['{"other":{"id":"b"', undefined],
    ['{"i\\u0064":"a"', "a"],
    ['{"id":"a\\"b\\\\"', 'a"b\\'],
    ['{"id":"a\\x"', undefined],
    ['{"id":1', undefined],
    ['{"id":"unended', undefined],
    ['"id":"a"', undefined],
    ["", undefined],
  ];
  for (const [text, found] of texts) assertEquals(salvageString(text, "id"), found, text);
});

Deno.test("megabytes of hostile text are looked through in linear time", () => {
  const size = 1024 * 1024;
  const started = performance.now();
  for (const piece of ['\\"', '"id":', '"id":"', '"', "[", "\\", '{"id":  ']) {
    const text = '{"' + piece.repeat(size / piece.length);
    nestingDepth(text);
    salvageString(text, "id");
  }
  // Linear takes a second at most, quadratic takes hours.
  assertEquals(performance.now() - started < 30_000, true);
});
