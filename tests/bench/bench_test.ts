import { assert, assertEquals, assertMatch } from "@std/assert";
import denoJson from "../../deno.json" with { type: "json" };
import { mosquittoAvailable } from "../support/mosquitto.ts";
import { bench } from "./bench.ts";
import type { Sizes } from "./measure.ts";
import { asJson, asTable } from "./report.ts";

const TINY: Sizes = {
  latencies: 2,
  processes: 1,
  bursts: 1,
  atOnce: 3,
  queued: 6,
  outputBytes: 100_000,
  idleMs: 0,
  commands: 20,
  records: 2_000,
};

/** Packages of tests, of `dev`, and of what a node loads only when it is asked for. */
const NOT_IN_A_NODE = ["@std/assert", "aedes", "prom-client"];

Deno.test({
  name: "bench: every measure is taken and reported beside its floor and its goal",
  ignore: !mosquittoAvailable(),
  async fn() {
    const report = await bench(TINY);
    assertEquals(report.results.filter((result) => "error" in result), []);
    const { machine, floors, results } = JSON.parse(asJson(report));
    assertMatch(machine.date, /^\d{4}-\d\d-\d\d$/);
    const judged = results.filter(({ goal }: { goal?: unknown }) => goal !== undefined);
    assertEquals(judged.length, Deno.build.os === "linux" ? 13 : 9);
    for (const { value, floor, goal, ratio, met } of judged) {
      assert(Number.isFinite(value));
      assertEquals(typeof met, "boolean");
      if (floor !== undefined) assert(floor.is in floors);
      if (goal.of === "ratio") assertEquals(ratio, value / floor.value);
    }
    const row =
      /^\| `status`, p50 +\| +[\d.]+ ms \(echo\) \| +[\d.]+ ms \| +[\d.]+ \| +≤ 1.5× \| +(met|missed) \|$/m;
    assertMatch(asTable(report), row);
    assertMatch(asTable(report), /^- echo: the broker's echo: /m);
  },
});

Deno.test("bench: a measure that fails is reported beside the others", () => {
  const machine = { date: "2025-01-01", cores: 2, cpu: "C", os: "linux", deno: "2.9" };
  const table = asTable({ machine, results: [{ name: "latency", error: "no answer" }] });
  assertMatch(table, /^\| latency failed: no answer \|/m);
});

Deno.test("bench: the floor of a start imports the packages of a node", async () => {
  const text = await Deno.readTextFile(new URL("./modules.ts", import.meta.url));
  const imported = Array.from(text.matchAll(/^import "((?:@\w+\/)?[\w-]+)/gm), ([, name]) => name);
  const packages = Object.keys(denoJson.imports).filter((name) => !NOT_IN_A_NODE.includes(name));
  assertEquals(imported.toSorted(), packages.toSorted());
});
