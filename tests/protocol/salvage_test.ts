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

Deno.test("megabytes of hostile text are looked through, and hold what a little of it holds", () => {
  // A look that takes quadratic time would not come to the end of this test.
  for (const piece of ['\\"', '"id":', '"id":"', '"', "[", "\\", '{"id":  ']) {
    const found = (times: number) => salvageString('{"' + piece.repeat(times), "id");
    assertEquals(found(1024 * 1024 / piece.length), found(4), piece);
  }
});
