import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { promtool, promtoolAvailable } from "../support/prometheus.ts";
import { Metrics } from "../../src/http/metrics.ts";
import { createLogger } from "../../src/log.ts";
import { NodeEvents } from "../../src/node/events.ts";
import { FakeClock } from "../support/clock.ts";
import { IDLE_SNAPSHOT } from "../support/snapshot.ts";

const ROOT = new URL("../../.github/", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));

/** The metrics that a node has, by name. */
async function metricNames(): Promise<string[]> {
  using metrics = new Metrics({
    events: new NodeEvents(createLogger("test")),
    clock: new FakeClock(),
    snapshot: () => IDLE_SNAPSHOT,
    journalBytes: () => 0,
  });
  return Array.from((await metrics.text()).matchAll(/^# TYPE (\S+)/gm), ([, name]) => name!);
}

Deno.test("the page on monitoring has a row for each metric, and none that is not there", async () => {
  const page = await read("docs/monitoring.md");
  const rows = Array.from(
    page.matchAll(/^\| `((?:cloud_node|process)_\w+)/gm),
    ([, name]) => name!,
  );
  assertEquals(rows.sort(), (await metricNames()).sort());
});

Deno.test("alerts and dashboard name metrics that there are", async () => {
  const names = await metricNames();
  for (const file of ["operations/alerts.yml", "operations/dashboard.json"]) {
    const text = await read(file);
    const used = Array.from(
      text.matchAll(/\b(?:cloud_node|process)_[a-z_]+/g),
      ([name]) => name.replace(/_bucket$/, ""),
    );
    assert(used.length > 5);
    assertEquals(used.filter((name) => !names.includes(name)), [], file);
  }
});

Deno.test("the dashboard draws each of its panels in a place of its own", async () => {
  const { panels } = JSON.parse(await read("operations/dashboard.json"));
  const places = panels.map(({ gridPos: { x, y } }: { gridPos: { x: number; y: number } }) =>
    `${x},${y}`
  );
  assertEquals(new Set(places).size, panels.length);
});

Deno.test({
  name: "the alert rules are right, and their own tests pass",
  ignore: !promtoolAvailable(),
  async fn() {
    const path = (name: string) => new URL(`operations/${name}`, ROOT).pathname;
    assertStringIncludes(await promtool(["check", "rules", path("alerts.yml")]), "SUCCESS");
    assertStringIncludes(await promtool(["test", "rules", path("alerts_test.yml")]), "SUCCESS");
  },
});
