import { assertEquals } from "@std/assert";
import { sizeText, UploadProgress } from "../../src/results/upload_progress.ts";
import { FakeClock } from "../support/clock.ts";

Deno.test("sizes are reported in units that people read", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [2 ** 20 - 1, "1.0 MiB"],
    [2 ** 30, "1.0 GiB"],
    [5 * 2 ** 40, "5.0 TiB"],
    [2 ** 53, "8192.0 TiB"],
  ];
  for (const [bytes, expected] of cases) assertEquals(sizeText(bytes), expected);
});

Deno.test("progress is reported each ten seconds or ten percent, not more than once a second", async () => {
  const clock = new FakeClock();
  const reported: string[] = [];
  const progress = new UploadProgress({
    done: 0,
    total: 1000,
    clock,
    report: (words) => reported.push(words),
  });
  const steps: [seconds: number, bytes: number, expected: string | undefined][] = [
    [0.9, 300, undefined],
    [0.1, 1, "30 % (301 B of 1000 B)"],
    [1, 98, undefined],
    [1, 1, undefined],
    [1, 1, "40 % (401 B of 1000 B)"],
    [9.9, 1, undefined],
    [0.1, 1, "40 % (403 B of 1000 B)"],
    [20, -100, undefined],
    [0, 10, "31 % (313 B of 1000 B)"],
    [20, 687, undefined],
  ];
  for (const [index, [seconds, bytes, expected]] of steps.entries()) {
    await clock.advance(seconds * 1000);
    progress.add(bytes);
    assertEquals(reported.splice(0), expected === undefined ? [] : [expected], `step ${index}`);
  }
});
