import { assertEquals } from "@std/assert";
import { salvageString } from "../../src/protocol/salvage.ts";

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
    salvageString(text, "id");
  }
  // Linear takes a second at most, quadratic takes hours.
  assertEquals(performance.now() - started < 30_000, true);
});
