import { assertEquals, assertThrows } from "@std/assert";
import { unescaped } from "../../../src/executors/server/json_string.ts";

/** What a string says whose JSON comes in pieces of `size` bytes. */
function said(json: string, size: number): string {
  const bytes = new TextEncoder().encode(json).subarray(1, -1);
  const pieces = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  const decoder = new TextDecoder();
  return [...unescaped(pieces)].map((piece) => decoder.decode(piece, { stream: true })).join("");
}

Deno.test("JSON strings: what one says is read, wherever its bytes are cut", () => {
  const texts = [
    "",
    "plain",
    'a"b\\c\n\t/',
    "\u00e9\u20ac\u{1f600}",
    "\\\\\\",
    "x".repeat(50) + "\\",
  ];
  for (const text of texts) {
    for (const size of [1, 2, 3, 5, 13, 64]) assertEquals(said(JSON.stringify(text), size), text);
  }
});

Deno.test("JSON strings: escaped characters may be two halves", () => {
  const json = `"${"x".repeat(20)}\\ud83d\\ude00${"y".repeat(20)}\\u00e9\\\\u0041"`;
  const text = `${"x".repeat(20)}\u{1f600}${"y".repeat(20)}\u00e9\\u0041`;
  for (const size of [1, 4, 7, 11, 12, 13, 25, 100]) assertEquals(said(json, size), text);
});

Deno.test("JSON strings: what is no string is refused", () => {
  assertThrows(() => said('"a\\x"', 2), SyntaxError);
});
