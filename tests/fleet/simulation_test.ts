import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { mosquittoAvailable } from "../support/mosquitto.ts";
import { fleetText } from "./fleet_text.ts";
import { lateness, runFleet, spread } from "./simulation.ts";

Deno.test("bench:fleet: heartbeats are late by what is beyond their interval", () => {
  const heartbeats = { a: [0, 1_000, 2_010], b: [500], c: [0, 990] };
  assertEquals(lateness([{ heartbeats, connected: [] }], 1_000), { count: 3, latest: 10, p99: 10 });
  assertEquals(lateness([], 1_000), { count: 0, latest: 0, p99: 0 });
});

Deno.test("bench:fleet: connections are counted by tenths of a second", () => {
  assertEquals(spread([250, 110, 120, 999]), {
    ...{ count: 4, first: 110, median: 250, last: 999, peak: 2 },
  });
  assertEquals(spread([]).peak, 0);
});

Deno.test({
  name: "bench:fleet: a small fleet sends its heartbeats, and comes back after the broker",
  ignore: !mosquittoAvailable() || Deno.build.os !== "linux",
  async fn() {
    const options = { nodes: 12, processes: 2, heartbeatSeconds: 0.2, idleSeconds: 1 };
    const report = await runFleet(options);
    assert(report.heartbeats.count >= 12);
    assertEquals(report.reconnected.count, 12);
    assert(report.reconnected.last >= report.reconnected.first);
    assertStringIncludes(fleetText(report), "12 nodes in 2 processes, at one mosquitto");
  },
});
