import { assertEquals } from "@std/assert";
import { shown } from "../../src/page/output.js";
import { between, bytes, duration, fraction, outcome, progressText } from "../../src/page/words.js";

Deno.test("page: a length of time in its two largest units", () => {
  const cases: [ms: number, text: string][] = [
    [-5, "0 ms"],
    [999, "999 ms"],
    [1_500, "1.5 s"],
    [59_900, "59 s"],
    [61_000, "1 m 01 s"],
    [3_660_000, "1 h 01 m"],
    [90_000_000, "1 d 01 h"],
  ];
  for (const [ms, text] of cases) assertEquals(duration(ms), text);
  assertEquals(between("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"), "1 m 00 s");
  assertEquals(between(null, null), "–");
});

Deno.test("page: an amount of bytes, and none that is not known", () => {
  assertEquals([0, 1023, 1536, 150 * 1024, 3 * 2 ** 30].map(bytes), [
    ...["0 B", "1023 B", "1.5 KiB", "150 KiB", "3.0 GiB"],
  ]);
  assertEquals([null, undefined].map(bytes), ["–", "–"]);
});

Deno.test("page: how a workload ended, in words and in a tone", () => {
  const unknown = { cause: null, exit_code: null, signal: null, oom_kill: null };
  const ended = (end: Record<string, unknown>) => outcome({ state: "ended", ...unknown, ...end });
  assertEquals(ended({ cause: "exited", exit_code: 0 }), { tone: "good", text: "succeeded" });
  assertEquals(ended({ cause: "exited", exit_code: 3 }).text, "failed: exit code 3");
  assertEquals(ended({ cause: "exited" }).text, "failed");
  assertEquals(ended({ cause: "killed", signal: "SIGSEGV" }).text, "killed by SIGSEGV");
  assertEquals(ended({ cause: "killed", oom_kill: true }).text, "killed: out of memory");
  assertEquals(ended({ cause: "cancelled" }), { tone: "idle", text: "cancelled" });
  assertEquals(ended({ cause: "timed_out" }), { tone: "bad", text: "timed out" });
  assertEquals(outcome({ state: "queued", ...unknown }).text, "queued");
});

Deno.test("page: how far a workload is, where that can be told", () => {
  assertEquals(fraction({ progress: 4, total: 10 }), 0.4);
  assertEquals(fraction({ progress: 12, total: 10 }), 1);
  assertEquals(fraction({ progress: 12, total: undefined }), undefined);
  assertEquals(progressText({ progress: 0.999 }), "99 %");
  assertEquals(
    progressText({ progress: 4, total: 10, message: "epoch 4" }),
    "40 % · 4 of 10 · epoch 4",
  );
  assertEquals(progressText({ progress: 12, message: "files" }), "12 · files");
  assertEquals(progressText({ message: "loading" }), "loading");
});

Deno.test("page: output as a terminal leaves it, without what draws and colours there", () => {
  assertEquals(shown("10%\r50%\r100%\ndone\r\n"), "100%\ndone\n");
  assertEquals(shown("\x1b[31mred\x1b[0m \x1b]0;title\x07text"), "red text");
  assertEquals(shown("waiting...\r"), "waiting...");
});
