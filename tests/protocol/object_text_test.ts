import { assert, assertEquals, assertThrows } from "@std/assert";
import { ObjectText } from "../../src/protocol/object_text.ts";

function object(text: string): ObjectText {
  const parsed = ObjectText.parse(text);
  assert(parsed !== undefined, text);
  return parsed;
}

Deno.test("a member can be asked for, parsed or as it was written", () => {
  const params = object('{ "seed": 12345678901234567890, "x": {"y":[1.0]}, "none": null }');
  assertEquals(params.textOf("seed"), "12345678901234567890");
  assertEquals([params.get("x"), params.textOf("x")], [{ y: [1] }, '{"y":[1.0]}']);
  assertEquals([params.get("none"), params.has("none")], [null, true]);
  assertEquals([params.get("y"), params.textOf("y"), params.has("y")], [
    undefined,
    undefined,
    false,
  ]);
});

Deno.test("names are compared as they are meant, however they are escaped", () => {
  const params = object('{"p\\u0069d":7,"a\\"b":8,"é":9}');
  assertEquals([params.get("pid"), params.get('a"b'), params.get("\u00e9")], [7, 8, 9]);
});

Deno.test("of members with the same name the last one counts", () => {
  assertEquals(object('{"a":1,"b":2,"\\u0061":3}').get("a"), 3);
});

Deno.test("names that JavaScript's objects have are names like any other", () => {
  assertEquals([ObjectText.EMPTY.has("toString"), ObjectText.EMPTY.get("__proto__")], [
    false,
    undefined,
  ]);
  assertEquals(object('{"__proto__":{"a":1},"constructor":2}').get("a"), undefined);
  assertEquals(object('{"__proto__":{"a":1},"constructor":2}').get("constructor"), 2);
});

Deno.test("what is JSON but not an object is none, and what is not JSON throws", () => {
  for (const text of ["[]", "null", '"{}"', "7", '[{"a":1}]']) {
    assertEquals(ObjectText.parse(text), undefined);
  }
  assertThrows(() => ObjectText.parse("{"), SyntaxError, "is not JSON");
});

Deno.test("an object in it is an object of its own", () => {
  const message = object(
    ' { "params" : { "a": {"b": {"c": 1}} , "a2":2 }, "other": {"a":3}, "n":4}',
  );
  const params = message.object("params")!;
  assertEquals(params.text, '{ "a": {"b": {"c": 1}} , "a2":2 }');
  assertEquals([params.get("a2"), params.has("n"), params.get("a")], [2, false, { b: { c: 1 } }]);
  assertEquals(params.object("a")!.object("b")!.get("c"), 1);
  assertEquals(message.object("other")!.get("a"), 3);
  assertEquals([message.object("n"), message.object("none")], [undefined, undefined]);
  assertEquals(params.with("a2", "5").get("a2"), 5);
});

const WITHOUT: [before: string, after: string][] = [
  ['{"x":1}', "{}"],
  ['{ "x" : 1 }', "{  }"],
  ['{"x":1,"a":2}', '{"a":2}'],
  ['{"a":2,"x":1}', '{"a":2}'],
  ['{"a":2 , "x":1 }', '{"a":2  }'],
  ['{"a":2,"x":1,"b":3}', '{"a":2,"b":3}'],
  ['{"x":1,"x":2}', "{}"],
  ['{"a":1,"x":1,"x":2}', '{"a":1}'],
  ['{"x":1,"a":1,"x":2,"x":3}', '{"a":1}'],
  ['{"x":1,"x":2,"a":1,"x":3,"b":2}', '{"a":1,"b":2}'],
  ['{"x":{"x":[1,{"x":2}]},"a":1}', '{"a":1}'],
  ['{"a":{"x":1}}', '{"a":{"x":1}}'],
  ['{"\\u0078":1,"a":","}', '{"a":","}'],
  ['{"10":1.0,"x":"}","2":1e400}', '{"10":1.0,"2":1e400}'],
  ['{"a":"x"}', '{"a":"x"}'],
];

for (const [before, after] of WITHOUT) {
  Deno.test(`${before} without x is ${after}`, () => {
    assertEquals(object(before).without("x").text, after);
    assertEquals(object(after).has("x"), false);
  });
}

const WITHOUT_NESTED: [before: string, after: string, values: unknown[]][] = [
  [
    '{"a":{"token":1},"b":[{"token":"t","c":1},{"d":2,"token":3}]}',
    '{"a":{},"b":[{"c":1},{"d":2}]}',
    [
      1,
      "t",
      3,
    ],
  ],
  ['{"token":{"token":1},"a":2}', '{"a":2}', [{ token: 1 }, 1]],
  ['{"a":{"b":1,"tok\\u0065n":1,"token":2},"token":3}', '{"a":{"b":1}}', [1, 2, 3]],
  ['{"a":"token","token2":1}', '{"a":"token","token2":1}', []],
  ['{"a":"{\\"token\\":1}"}', '{"a":"{\\"token\\":1}"}', []],
];

for (const [before, after, values] of WITHOUT_NESTED) {
  Deno.test(`${before} without token at any depth is ${after}`, () => {
    assertEquals(object(before).withoutNested("token").text, after);
    assertEquals(object(before).nested("token"), values);
  });
}

const WITH: [before: string, after: string][] = [
  ["{}", '{"x":[7]}'],
  ["{ }", '{ "x":[7]}'],
  ['{"a":1}', '{"a":1,"x":[7]}'],
  ['{"a":1 } ', '{"a":1 ,"x":[7]} '],
  ['{"x":1,"a":1}', '{"x":[7],"a":1}'],
  ['{"a":1,"x" : {"x":2}}', '{"a":1,"x":[7]}'],
  ['{"x":1,"a":1,"x":2}', '{"x":[7],"a":1}'],
  ['{"a":{"x":1}}', '{"a":{"x":1},"x":[7]}'],
];

for (const [before, after] of WITH) {
  Deno.test(`${before} with x is ${after}`, () => {
    const changed = object(before).with("x", "[7]");
    assertEquals([changed.text, changed.get("x")], [after, [7]]);
    JSON.parse(changed.text);
  });
}

Deno.test("megabytes of hostile members are cut out, and those beside them stay", () => {
  // A cut that takes quadratic time would not come to the end of this test.
  const PIECES: [piece: string, left: string[]][] = [
    ['"x":1,', []],
    ['"x":1,"a":2,', ["a"]],
    ['"x":1' + " ".repeat(1_000) + ",", []],
    ['"a":{"x":1},', ["a"]],
  ];
  for (const [piece, left] of PIECES) {
    const text = `{${piece.repeat(2_000_000 / piece.length)}"x":1}`;
    const cut = object(text).withoutNested("x");
    assertEquals([cut.nested("x"), cut.names()], [[], left]);
    JSON.parse(cut.text);
  }
});
