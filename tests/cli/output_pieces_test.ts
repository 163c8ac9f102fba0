import { assertEquals } from "@std/assert";
import { lastLines, outputPieces, piecesSince } from "../../src/cli/terminal/output_pieces.ts";
import type { OutputStream } from "../../src/workloads/folder.ts";

const STDOUT = "one\ntwo\nthree\nfo";
const STDERR = "bad\nworse\n";
const BOTH: readonly OutputStream[] = ["stdout", "stderr"];

/** They came as: one, two; bad, th; ree, fo; worse. */
const GROWTHS = [
  { at: 10, stdout: 8, stderr: 0 },
  { at: 20, stdout: 10, stderr: 4 },
];
const LAST = { at: 30, stdout: STDOUT.length, stderr: STDERR.length };

function read(stream: OutputStream, from: number, to: number): Uint8Array {
  const text = stream === "stdout" ? STDOUT : STDERR;
  return new TextEncoder().encode(text.slice(from, to));
}

/** What would be shown, with the time of each piece. */
function shown(pieces: ReturnType<typeof outputPieces>): [number, string][] {
  return pieces.map(({ stream, from, to, at }) => [
    at,
    new TextDecoder().decode(read(stream, from, to)),
  ]);
}

Deno.test("output is taken apart as it came, with the time of each piece", () => {
  assertEquals(shown(outputPieces(GROWTHS, LAST, BOTH, read)), [
    [10, "one\ntwo\n"],
    [20, "th"],
    [20, "bad\n"],
    [30, "ree\nfo"],
    [30, "worse\n"],
  ]);
  assertEquals(shown(outputPieces(GROWTHS, LAST, ["stderr"], read)), [[20, "bad\n"], [
    30,
    "worse\n",
  ]]);
});

Deno.test("of what came together the stream comes first that was within a line, as a progress bar is", () => {
  const texts = { stdout: "start\ndone\n", stderr: "\r50%\r100%\n" };
  const pieces = outputPieces(
    [{ at: 10, stdout: 6, stderr: 4 }],
    { at: 20, stdout: texts.stdout.length, stderr: texts.stderr.length },
    BOTH,
    (stream, from, to) => new TextEncoder().encode(texts[stream].slice(from, to)),
  );
  assertEquals(pieces.map(({ stream, from, to }) => texts[stream].slice(from, to)), [
    "start\n",
    "\r50%",
    "\r100%\n",
    "done\n",
  ]);
});

Deno.test("the last lines are counted over both streams, an unfinished one too", () => {
  const last = (count: number) =>
    shown(lastLines(outputPieces(GROWTHS, LAST, BOTH, read), count, read));
  assertEquals(last(0), []);
  assertEquals(last(1), [[30, "worse\n"]]);
  assertEquals(last(2), [[30, "fo"], [30, "worse\n"]]);
  assertEquals(
    last(4),
    [[20, "bad\n"], [30, "ree\nfo"], [30, "worse\n"]].with(1, [
      30,
      "ree\nfo",
    ]),
  );
  assertEquals(last(100).length, 5);
});

Deno.test("what was printed since a time begins with a whole line", () => {
  const since = (time: number) =>
    shown(piecesSince(outputPieces(GROWTHS, LAST, BOTH, read), time, read));
  assertEquals(since(30), [[30, "three\nfo"], [30, "worse\n"]]);
  assertEquals(since(31), []);
  assertEquals(since(0).length, 5);
});
