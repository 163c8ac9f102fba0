import { assert, assertEquals } from "@std/assert";
import { progressLine, progressText } from "../../src/cli/terminal/progress_bar.ts";
import type { Progress } from "../../src/protocol/progress.ts";

const LINES: readonly [progress: Progress, text: string, line: string][] = [
  [
    { progress: 4, total: 10, message: "epoch 4" },
    "40% (4 of 10) epoch 4",
    "[##########----------------] 40% (4 of 10) epoch 4",
  ],
  [{ progress: 0.999 }, "99%", "[#########################-] 99%"],
  [{ progress: 1 }, "100%", "[##########################] 100%"],
  [{ progress: 0 }, "0%", "[--------------------------] 0%"],
  [{ progress: 37 }, "37", "37"],
  [
    { progress: 0.1 + 0.2, total: 3 },
    "10% (0.3 of 3)",
    "[##------------------------] 10% (0.3 of 3)",
  ],
  [{ message: "loading\nthe\tmodel" }, "loading the model", "loading the model"],
  [{ message: "a\u001b[2Jb\u0001" }, "ab\\u0001", "ab\\u0001"],
];

Deno.test("progress is shown in words, and as a bar where a part of it is known", () => {
  for (const [progress, text, line] of LINES) {
    assertEquals([progressText(progress), progressLine(progress, 80)], [text, line]);
  }
});

Deno.test("a bar fits on its line", () => {
  const progress = { progress: 0.5, message: "é".repeat(200) };
  for (const columns of [20, 40, 80, 200]) {
    const line = progressLine(progress, columns);
    assert([...line].length <= columns, line);
    assertEquals(line.startsWith("["), columns > 20);
  }
});
