import { assert, assertEquals, assertThrows } from "@std/assert";
import { scanJson } from "../../src/protocol/json_scanner.ts";

/** Whether `read` accepts `text`. */
function accepts(read: (text: string) => unknown, text: string): boolean {
  try {
    read(text);
    return true;
  } catch (error) {
    assert(error instanceof SyntaxError);
    return false;
  }
}

/** The members of `text` as they are visited: depth, name and value as they are written. */
function members(text: string): [depth: number, name: string, value: string][] {
  const found: [number, string, string][] = [];
  scanJson(text, ({ nameStart, nameEnd, valueStart, valueEnd }, depth) => {
    found.push([depth, text.slice(nameStart, nameEnd), text.slice(valueStart, valueEnd)]);
  });
  return found;
}

Deno.test("members are visited where they stand, the inner ones first", () => {
  assertEquals(members(' { "a" : [ 1 , {"b":-0.5e+1}] ,"c\\"":{ } , "":null}'), [
    [3, '"b"', "-0.5e+1"],
    [1, '"a"', '[ 1 , {"b":-0.5e+1}]'],
    [1, '"c\\""', "{ }"],
    [1, '""', "null"],
  ]);
});

const TEXTS = [
  ...[
    "",
    " ",
    "null",
    "true",
    "false",
    "tru",
    "nul",
    "nulll",
    "True",
    "NaN",
    "Infinity",
    "undefined",
  ],
  ...[
    "0",
    "-0",
    "00",
    "01",
    "-",
    "+1",
    "1.",
    ".5",
    "1.5",
    "1e5",
    "1E+5",
    "1e-",
    "1e",
    "0x1",
    "1_0",
  ],
  ...["-1.25e-10", "--1", "1 2", "1a", "1e400", "9".repeat(400), "٣"],
  ...['""', '"', '"a', '"\\"', '"\\\\"', '"\\n"', '"\\x"', '"\\u12"', '"\\u12g4"', '"\\uD800"'],
  ...['"\t"', '"\n"', '"\u0000"', '"\u001f"', '"\u007f"', '"\u2028"', '"\ud800"', "'a'", '"a"b'],
  ...[
    "[]",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[[]",
    "[]]",
    "[1,[2,[3]]]",
    "[}",
    "{]",
  ],
  ...["{}", "{", "}", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "{,}", "{a:1}", '{"a" 1}'],
  ...['{"a":1 "b":2}', '{"a":1,"a":2}', "{1:2}", '{"a":{"b":{}}}', '{"a"::1}', "{[]:1}", '{"a":}'],
  ...[" \t\r\n[ ] ", "\u00a0[]", "\ufeff[]", "\f1", "\v1", "[1]//", "/**/1", "1;", "[1],"],
];

Deno.test("exactly what JSON.parse() accepts is accepted", () => {
  for (const text of TEXTS) {
    assertEquals(accepts(scanJson, text), accepts(JSON.parse, text), JSON.stringify(text));
  }
});

Deno.test("also of JSON in which something was changed, cut out or put in", () => {
  const json = '{"a":[1,-2.5e+3,"x\\u00e9\\n",true,false,null],"b":{"c":{},"d":[[]]}, "":"é"}';
  const characters = '{}[]":,\\ntruefals0129.-+eE \t\n\u0000u';
  let state = 1;
  const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
  for (let i = 0; i < 20_000; i++) {
    const at = random(json.length);
    const put = characters.slice(random(characters.length)).slice(0, random(3));
    const text = json.slice(0, at) + put + json.slice(at + random(3));
    assertEquals(accepts(scanJson, text), accepts(JSON.parse, text), text);
  }
});

Deno.test("what is wrong is said with its place, and without what stands there", () => {
  const problems: [text: string, message: string][] = [
    ["", "is not JSON: it ends too early"],
    ['{"a":"b', "is not JSON: it ends too early"],
    ['{"a":secret}', "is not JSON: unexpected character at position 5"],
    ['{"a":1}}', "is not JSON: unexpected character at position 7"],
    ["[".repeat(201), "is nested more than 200 levels deep"],
    ['{"a":'.repeat(201), "is nested more than 200 levels deep"],
  ];
  for (const [text, message] of problems) {
    assertEquals(assertThrows(() => scanJson(text), SyntaxError).message, message);
  }
});

Deno.test("200 levels are taken", () => {
  scanJson("[".repeat(200) + "]".repeat(200));
});
