import { assertEquals } from "@std/assert";
import { TerminalText } from "../../src/cli/terminal/terminal_text.ts";

/** What a terminal gets of output that arrives in these pieces. */
function shown(...pieces: string[]): string[] {
  const terminal = new TerminalText();
  const texts = pieces.map((piece) => terminal.push(new TextEncoder().encode(piece)));
  return [...texts, terminal.end()];
}

const CASES: [name: string, pieces: string[], shown: string[]][] = [
  ["lines", ["a\nb"], ["a\nb", ""]],
  ["a progress bar as it moves on", [" 10%", "\r 50%", "\r100%\n"], [
    " 10%",
    "\r 50%",
    "\r100%\n",
    "",
  ]],
  ["a bar that clears its line", ["\x1b[2K\r50%", "\r\x1b[K"], ["\x1b[2K\r50%", "\r\x1b[K", ""]],
  ["a spinner", ["|\b/\b-"], ["|\b/\b-", ""]],
  ["no colour, no title, no other line", ["\x1b[31mred\x1b[0m\x1b]0;t\x07\x1b[2A\x1b[2Jx"], [
    "redx",
    "",
  ]],
  ["a sequence in pieces", ["a\x1b", "[3", "1mb\x1b]0;ti", "tle\x1b", "\\c"], [
    "a",
    "",
    "b",
    "",
    "c",
    "",
  ]],
  ["what never ends its sequence", ["a\x1b["], ["a", "\\u001b["]],
  ["other control characters", ["\x07\u202e"], ["\\u0007\\u202e", ""]],
];

for (const [name, pieces, expected] of CASES) {
  Deno.test(`on a terminal: ${name}`, () => assertEquals(shown(...pieces), expected));
}

Deno.test("on a terminal: a sequence without an end is not held for ever", () => {
  const terminal = new TerminalText();
  assertEquals(
    terminal.push(new TextEncoder().encode(`\x1b]${"x".repeat(5_000)}`)).length > 5_000,
    true,
  );
});
