import { assertEquals } from "@std/assert";
import { MemberFinder } from "../../../src/executors/server/member_finder.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The members of a text that comes in pieces of `size` bytes. */
function members(text: string, size = 3): Record<string, string> {
  const bytes = encoder.encode(text);
  const finder = new MemberFinder();
  for (let at = 0; at < bytes.length; at += size) finder.push(bytes.subarray(at, at + size));
  return Object.fromEntries(
    Array.from(
      finder.members,
      ([name, { start, end }]) => [name, decoder.decode(bytes.subarray(start, end)).trim()],
    ),
  );
}

Deno.test("members: those of the object at the top are found, wherever its bytes are cut", () => {
  const text =
    ` {"a" : 1, "b":{"a":2,"c":[1,{"a":3}]} ,"é\\"x": "y,:}\\"\\\\" , "d":[] ,"e":true}\n`;
  for (const size of [1, 2, 3, 7, 1000]) {
    assertEquals(members(text, size), {
      a: "1",
      b: '{"a":2,"c":[1,{"a":3}]}',
      'é"x': '"y,:}\\"\\\\"',
      d: "[]",
      e: "true",
    });
  }
});

Deno.test("members: what JSON.parse() finds is found", () => {
  const values = [{}, { a: {} }, { "": "" }, { a: "{", b: "]" }, { a: null, b: { c: [{}, []] } }];
  for (const value of values) {
    for (const space of [0, 2]) {
      const found = Object.entries(members(JSON.stringify(value, null, space), 1));
      assertEquals(Object.fromEntries(found.map(([k, v]) => [k, JSON.parse(v)])), value as unknown);
    }
  }
});

Deno.test("members: the last one of a name counts, and what is no object has none", () => {
  assertEquals(members('{"a":1,"a":2}'), { a: "2" });
  for (const text of ["", "[1,2]", '["a",{"b":1}]', '"a"', "12", "text: yes"]) {
    assertEquals(members(text), {}, text);
  }
});
