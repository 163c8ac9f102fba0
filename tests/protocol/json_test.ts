import { assertEquals } from "@std/assert";
import { isJsonObject, jsonTypeOf } from "../../src/protocol/json.ts";

Deno.test("a JSON object is neither an array nor null", () => {
  assertEquals([{}, [], null, "{}", 7].map(isJsonObject), [true, false, false, false, false]);
});

Deno.test("each JSON type has its name, told by the first character of the text", () => {
  const types: [text: string, type: string][] = [
    ['{"a":1}', "an object"],
    ["[1]", "an array"],
    ['"{"', "a string"],
    ["true", "a boolean"],
    ["false", "a boolean"],
    [" \n null", "null"],
    ["7", "a number"],
    ["-1e400", "a number"],
  ];
  for (const [text, type] of types) assertEquals(jsonTypeOf(text), type);
});
