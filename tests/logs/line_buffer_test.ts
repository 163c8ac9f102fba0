import { assert, assertEquals } from "@std/assert";
import { LineBuffer } from "../../src/logs/line_buffer.ts";

Deno.test("lines come out in order, once", () => {
  const buffer = new LineBuffer();
  assertEquals(buffer.take(100), undefined);
  buffer.add("a");
  buffer.add("b");
  assertEquals(buffer.take(100), "a\nb\n");
  assertEquals(buffer.take(100), undefined);
});

Deno.test("no more lines come out than fit", () => {
  const buffer = new LineBuffer();
  for (const line of ["aa", "é", "cc"]) buffer.add(line);
  assertEquals([buffer.take(7), buffer.take(7)], ["aa\né\n", "cc\n"]);
});

Deno.test("of too many lines the oldest are dropped, and counted", () => {
  const buffer = new LineBuffer({ maxLines: 2 });
  for (const line of ["a", "b", "c", "d"]) buffer.add(line);
  assertEquals(buffer.take(100), "[2 lines dropped]\nc\nd\n");
  buffer.add("e");
  assertEquals(buffer.take(100), "e\n");
});

Deno.test("so they are when there are too many bytes", () => {
  const buffer = new LineBuffer({ maxBytes: 8 });
  for (const line of ["éé", "bb", "cc"]) buffer.add(line);
  assertEquals(buffer.take(100), "[1 lines dropped]\nbb\ncc\n");
});

Deno.test("lines that are put back come out first", () => {
  const buffer = new LineBuffer();
  for (const line of ["a", "b"]) buffer.add(line);
  const taken = buffer.take(100)!;
  buffer.add("c");
  buffer.putBack(taken);
  assertEquals([buffer.take(3), buffer.take(100)], ["a\n", "b\nc\n"]);
});

Deno.test("a line without end is shortened", () => {
  const buffer = new LineBuffer();
  buffer.add("x".repeat(2 ** 20));
  const text = buffer.take(256 * 1024)!;
  assert(text.length < 17 * 1024 && text.endsWith("x…\n"));
});
