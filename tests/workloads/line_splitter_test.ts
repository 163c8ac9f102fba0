import { assert, assertEquals } from "@std/assert";
import { LineSplitter } from "../../src/workloads/line_splitter.ts";

/** The lines of output that arrives in these pieces. */
function linesOf(...pieces: (string | Uint8Array)[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const piece of pieces) {
    splitter.push(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
  }
  splitter.end();
  return lines;
}

const SPLITS: [name: string, pieces: string[], lines: string[]][] = [
  ["nothing", [""], []],
  ["a line", ["a\n"], ["a"]],
  ["empty lines", ["\n\n"], ["", ""]],
  ["a last line without its break", ["a\nb"], ["a", "b"]],
  ["a line in pieces", ["a", "b", "", "c\nd", "\n"], ["abc", "d"]],
  ["Windows line breaks", ["a\r\nb\r\n"], ["a", "b"]],
  ["a Windows line break in two pieces", ["a\r", "\nb"], ["a", "b"]],
  ["a progress bar: its last state", [" 10%\r 50%\r100%\n"], ["100%"]],
  ["a progress bar that ends in a return", [" 10%\r100%\r"], ["100%"]],
  ["colours", ["\x1b[1;31mred\x1b[0m \x1b[Kx\n"], ["red x"]],
  ["a window title and a link", ["\x1b]0;title\x07\x1b]8;;http://x\x07l\x1b]8;;\x07\n"], ["l"]],
  ["a colour in two pieces", ["\x1b[3", "1mred\n"], ["red"]],
];

for (const [name, pieces, lines] of SPLITS) {
  Deno.test(`lines: ${name}`, () => assertEquals(linesOf(...pieces), lines));
}

Deno.test("lines: characters may be cut anywhere", () => {
  const bytes = new TextEncoder().encode("é€😀\nü");
  for (let size = 1; size < 5; size++) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    assertEquals(linesOf(...pieces), ["é€😀", "ü"]);
  }
});

Deno.test("lines: bytes that are no text harm no other line", () => {
  assertEquals(linesOf(Uint8Array.of(0xff, 0x0a), "b\n"), ["\ufffd", "b"]);
});

Deno.test("lines: a long line comes in pieces, however it arrives, and nothing of it is lost", () => {
  const long = "0123456789".repeat(10_000);
  for (
    const pieces of [[`${long}\nnext`], [long, "\nnext"], [...long.match(/.{1,5000}/g)!, "\nnext"]]
  ) {
    const lines = linesOf(...pieces);
    assert(lines.every((line) => line.length <= 8 * 1024));
    assertEquals([lines.slice(0, -1).join(""), lines.at(-1)], [long, "next"]);
  }
});

Deno.test("lines: a line that writes over itself has a latest state before it ends, and takes no room", () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  const push = (text: string) => splitter.push(new TextEncoder().encode(text));
  push("loading\n 1%");
  assertEquals(splitter.rewritten, undefined);
  push("\r 2%");
  assertEquals(splitter.rewritten, " 2%");
  push("\r \x1b[1m3%\x1b[0m\r");
  assertEquals(splitter.rewritten, " 3%");
  for (let step = 0; step < 10_000; step++) push(` ${step}: ${"#".repeat(60)}\r`);
  assertEquals(lines, ["loading"]);
  push("done\nnext");
  assertEquals([lines, splitter.rewritten], [["loading", "done"], undefined]);
});
