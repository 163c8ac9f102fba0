import { assertEquals } from "@std/assert";
import type { GpuSample } from "../../src/gpu/nvidia_smi.ts";
import { NodeHistory } from "../../src/http/node_history.ts";
import { NodeEvents } from "../../src/node/events.ts";
import type { NodeSnapshot } from "../../src/node/snapshot.ts";
import type { MachineLoad } from "../../src/os/machine_load.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { IDLE_SNAPSHOT } from "../support/snapshot.ts";

const GPU: GpuSample = {
  ...{ index: 1, uuid: "GPU-1", name: "H100", utilization: 0.5 },
  ...{ memoryUsedBytes: 10, memoryTotalBytes: 80 },
  ...{ powerWatts: undefined, temperatureCelsius: undefined },
};

const LOAD: MachineLoad = { cpu: 0.25, memoryUsedBytes: 4, memoryTotalBytes: 16 };

/** A history of a node whose snapshot and load a test sets. */
class HistoryTest implements Disposable {
  readonly clock = new FakeClock(0);
  readonly events = new NodeEvents(new RecordingLogger());
  snapshot: NodeSnapshot = IDLE_SNAPSHOT;
  readonly history: NodeHistory;

  constructor(public load: MachineLoad = LOAD) {
    this.history = new NodeHistory({
      events: this.events,
      clock: this.clock,
      snapshot: () => this.snapshot,
      load: () => this.load,
    });
  }

  [Symbol.dispose]() {
    this.history[Symbol.dispose]();
  }
}

Deno.test("history: every ten seconds it is noted how busy the machine and its GPUs are", async () => {
  using test = new HistoryTest();
  test.snapshot = { ...IDLE_SNAPSHOT, gpus: { samples: [GPU], processes: [], isSuccessful: true } };
  test.load = { cpu: 0.75, memoryUsedBytes: 8, memoryTotalBytes: 16 };
  await test.clock.advance(10_000);
  assertEquals(test.history.resources(), {
    step_seconds: 10,
    at: ["1970-01-01T00:00:00.000Z", "1970-01-01T00:00:10.000Z"],
    cpu: [0.25, 0.75],
    memory_used_bytes: [4, 8],
    memory_total_bytes: 16,
    gpus: [{
      ...{ index: 1, name: "H100", utilization: [null, 0.5] },
      ...{ memory_used_bytes: [null, 10], memory_total_bytes: 80 },
    }],
  });
});

Deno.test("history: what may not be seen is null, and never 0", () => {
  const unknown = { cpu: undefined, memoryUsedBytes: undefined, memoryTotalBytes: undefined };
  using test = new HistoryTest(unknown);
  const { cpu, memory_used_bytes, memory_total_bytes, gpus } = test.history.resources();
  assertEquals([cpu, memory_used_bytes, memory_total_bytes, gpus], [[null], [null], null, []]);
});

Deno.test("history: it has the last hour, however long the node runs", async () => {
  using test = new HistoryTest();
  await test.clock.advance(2 * 60 * 60 * 1000);
  const { at } = test.history.resources() as { at: string[] };
  assertEquals([at.length, at[0], at.at(-1)], [
    360,
    "1970-01-01T01:00:10.000Z",
    "1970-01-01T02:00:00.000Z",
  ]);
});

Deno.test("history: the connection's latest changes, and how it was before", async () => {
  using test = new HistoryTest();
  await test.clock.advance(1_000);
  test.events.emit("connection", { isConnected: false });
  await test.clock.advance(1_000);
  test.events.emit("connection", { isConnected: true });
  assertEquals(test.history.connections(), {
    changes: [
      { at: "1970-01-01T00:00:00.000Z", is_connected: true },
      { at: "1970-01-01T00:00:01.000Z", is_connected: false },
      { at: "1970-01-01T00:00:02.000Z", is_connected: true },
    ],
  });
  for (let i = 0; i < 300; i++) test.events.emit("connection", { isConnected: i % 2 > 0 });
  const { changes } = test.history.connections() as { changes: unknown[] };
  assertEquals(changes.length, 100);
});

Deno.test("history: nothing is noted once it is disposed", async () => {
  const test = new HistoryTest();
  test[Symbol.dispose]();
  await test.clock.advance(60_000);
  test.events.emit("connection", { isConnected: false });
  assertEquals(test.history.resources().at, ["1970-01-01T00:00:00.000Z"]);
  assertEquals((test.history.connections().changes as unknown[]).length, 1);
});
