import { assert, assertEquals, assertMatch } from "@std/assert";
import denoJson from "../../deno.json" with { type: "json" };
import { mosquittoAvailable } from "../support/mosquitto.ts";
import { bench } from "./bench.ts";
import type { Goal, Sizes } from "./measure.ts";
import { asJson, asTable } from "./report.ts";

const TINY: Sizes = {
  latencies: 2,
  loadSeconds: 0.1,
  processes: 1,
  bursts: 1,
  atOnce: 3,
  queued: 6,
  outputBytes: 100_000,
  idleMs: 0,
  commands: 22,
  settled: 2,
  records: 2_000,
};

/** Packages of tests, of `dev`, and of what a node loads only when it is asked for. */
const NOT_IN_A_NODE = [
  "@seriousme/openapi-schema-validator",
  "@std/assert",
  "aedes",
  "ajv",
  "axe-core",
  "prom-client",
];

Deno.test({
  name: "bench: every measure is taken and reported beside its floor and its goal",
  ignore: !mosquittoAvailable(),
  async fn() {
    const report = await bench(TINY);
    assertEquals(report.results.filter((result) => "error" in result), []);
    const { machine, floors, results } = JSON.parse(asJson(report));
    assertMatch(machine.date, /^\d{4}-\d\d-\d\d$/);
    const judged = results.filter(({ goal }: { goal?: unknown }) => goal !== undefined);
    assertEquals(judged.length, Deno.build.os === "linux" ? 26 : 21);
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

Deno.test("bench: a goal is a limit of the figure, of its ratio or of its difference to the floor", () => {
  const machine = { date: "2025-01-01", cores: 2, cpu: "C", os: "linux", deno: "2.9" };
  const floor = { value: 2, is: "echo" } as const;
  const goals: Goal[] = [
    { of: "value", atMost: 5 },
    { of: "value", atLeast: 4 },
    { of: "ratio", atMost: 1.4 },
    { of: "ratio", atLeast: 1.5 },
    { of: "difference", atMost: 0.9 },
    { of: "difference", atLeast: 1 },
  ];
  const results = goals.map((goal) => ({ name: "n", value: 3, unit: "ms", floor, goal } as const));
  const table = asTable({ machine, results });
  const judged = Array.from(
    table.matchAll(/1\.50 \| +([^|]+?) +\| +(met|missed) \|$/gm),
    ([, goal, met]) => [goal, met],
  );
  assertEquals(judged, [
    ["≤ 5 ms", "met"],
    ["≥ 4 ms", "missed"],
    ["≤ 1.4×", "missed"],
    ["≥ 1.5×", "met"],
    ["≤ +0.9 ms", "missed"],
    ["≥ +1 ms", "met"],
  ]);
});

Deno.test("bench: the floor of a start imports the packages of a node", async () => {
  const text = await Deno.readTextFile(new URL("./modules.ts", import.meta.url));
  const imported = Array.from(text.matchAll(/^import "((?:@\w+\/)?[\w-]+)/gm), ([, name]) => name);
  const packages = Object.keys(denoJson.imports).filter((name) => !NOT_IN_A_NODE.includes(name));
  assertEquals(imported.toSorted(), packages.toSorted());
});
