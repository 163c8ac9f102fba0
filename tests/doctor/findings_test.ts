import { assertEquals } from "@std/assert";
import { skewFinding } from "../../src/doctor/backend_checks.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { denoCheck } from "../../src/doctor/machine_checks.ts";
import { warmFinding } from "../../src/doctor/warm_checks.ts";
import { bytes, milliseconds, stages } from "../../src/doctor/quantities.ts";

Deno.test("a clock counts as wrong when it is off by more than a network explains", () => {
  const table: [number, Finding["status"]][] = [
    [0, "ok"],
    [10_000, "ok"],
    [-10_000, "ok"],
    [10_001, "warn"],
    [-300_000, "warn"],
    [300_001, "fail"],
    [-300_001, "fail"],
  ];
  for (const [ahead, status] of table) assertEquals(skewFinding(ahead).status, status);
});

Deno.test("a Deno that is too old has failed", async () => {
  const signal = new AbortController().signal;
  const table: [string, Finding["status"]][] = [
    ["1.46.3", "fail"],
    ["2.5.9", "fail"],
    ["2.6.0", "ok"],
    ["2.10.1", "ok"],
    ["3.0.0", "ok"],
  ];
  for (const [deno, status] of table) {
    assertEquals((await denoCheck({ deno, v8: "1" }).run(signal)).status, status);
  }
});

Deno.test("numbers are shown as people say them", () => {
  assertEquals([0.04, 3.21, 84.4].map(milliseconds), ["0.0 ms", "3.2 ms", "84 ms"]);
  const sizes = [0, 1, 1023, 1024, 32 * 2 ** 20, 12.34 * 2 ** 30, 2 ** 60];
  assertEquals(sizes.map(bytes), [
    "0 B",
    "1 B",
    "1023 B",
    "1.0 KiB",
    "32.0 MiB",
    "12.3 GiB",
    "1048576.0 TiB",
  ]);
  assertEquals(stages([]), "");
  assertEquals(stages([{ stage: "TCP", ms: 20 }], "MQTT 5 2 ms"), " (TCP 20 ms, MQTT 5 2 ms)");
});

Deno.test("a model that has failed is a failure, one that is not well is worth a warning", () => {
  const table: [string, Finding["status"]][] = [
    ["ready", "ok"],
    ["busy", "ok"],
    ["starting", "ok"],
    ["yielding", "ok"],
    ["unhealthy", "warn"],
    ["restarting", "warn"],
    ["failed", "fail"],
  ];
  for (const [state, status] of table) {
    const lanes = [{ kind: "simulate", state: "ready" }, { kind: "inference", state, reason: "x" }];
    const found = warmFinding(lanes);
    assertEquals([found.status, found.detail], [
      status,
      `simulate is ready; inference is ${state}: x`,
    ]);
  }
});
