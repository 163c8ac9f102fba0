import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CommandInfo } from "../../src/commands/command.ts";
import type { Outcome } from "../../src/commands/outcome.ts";
import { Metrics } from "../../src/http/metrics.ts";
import { createLogger } from "../../src/log.ts";
import { NodeEvents } from "../../src/node/events.ts";
import type { GpuSample } from "../../src/gpu/nvidia_smi.ts";
import type { NodeSnapshot } from "../../src/node/snapshot.ts";
import { FakeClock } from "../support/clock.ts";
import { IDLE_SNAPSHOT } from "../support/snapshot.ts";
import { promtool, promtoolAvailable } from "../support/prometheus.ts";
import { ask } from "../support/http_client.ts";
import { World } from "../support/world.ts";

const COMMAND: CommandInfo = {
  id: "01jdr",
  kind: "inference",
  requestId: "r1",
  workloadUuid: undefined,
};
const OK: Outcome = { status: "ok", end: { cause: "exited", exitCode: 0 } };
const FAILED: Outcome = {
  status: "error",
  source: "stderr",
  fallback: "",
  end: { cause: "exited", exitCode: 1 },
};
const CANCELLED: Outcome = {
  status: "error",
  source: "node",
  error: "Command was cancelled",
  end: { cause: "cancelled", signal: "SIGTERM" },
};

const SNAPSHOT: NodeSnapshot = {
  ...IDLE_SNAPSHOT,
  lanes: {
    inference: {
      ...{ running: 2, leaving: 0, concurrency: 4, isExcluded: false, isShortOfGpus: false },
      ...{ queued: 3, maxQueued: 10 },
    },
  },
  outbox: { pending: 5, oldestAt: 1_700_000_000_500 },
};

/** Metrics of a node that is as `SNAPSHOT` says. */
function metricsOf(snapshot: () => NodeSnapshot = () => SNAPSHOT) {
  const events = new NodeEvents(createLogger("test"));
  const clock = new FakeClock();
  return { events, metrics: new Metrics({ events, clock, snapshot, journalBytes: () => 4096 }) };
}

/** The value of a sample; `undefined`: there is none. */
async function sample(metrics: Metrics, name: string): Promise<number | undefined> {
  const line = (await metrics.text()).split("\n").find((line) => line.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

Deno.test("metrics: figures of the snapshot, as it is at each scrape", async () => {
  let snapshot = SNAPSHOT;
  const { metrics } = metricsOf(() => snapshot);
  using _ = metrics;
  assertEquals(await sample(metrics, 'cloud_node_workloads_running{kind="inference"}'), 2);
  assertEquals(await sample(metrics, 'cloud_node_workloads_queued{kind="inference"}'), 3);
  assertEquals(await sample(metrics, 'cloud_node_slots{kind="inference"}'), 4);
  assertEquals(await sample(metrics, "cloud_node_outbox_pending"), 5);
  assertEquals(await sample(metrics, "cloud_node_outbox_oldest_timestamp_seconds"), 1700000000.5);
  assertEquals(await sample(metrics, "cloud_node_mqtt_connected"), 1);
  assertEquals(await sample(metrics, "cloud_node_journal_bytes"), 4096);
  // A heartbeat that never was has no time, not the time 0.
  assertEquals(await sample(metrics, "cloud_node_last_heartbeat_timestamp_seconds"), undefined);
  snapshot = {
    ...SNAPSHOT,
    connection: { ...SNAPSHOT.connection, isConnected: false },
    outbox: { pending: 0, oldestAt: undefined },
    lastHeartbeat: 1_700_000_001_000,
  };
  assertEquals(await sample(metrics, "cloud_node_mqtt_connected"), 0);
  assertEquals(await sample(metrics, "cloud_node_outbox_oldest_timestamp_seconds"), undefined);
  assertEquals(await sample(metrics, "cloud_node_last_heartbeat_timestamp_seconds"), 1700000001);
});

Deno.test("metrics: workloads are counted from 0, or their first increase could not be seen", async () => {
  const { metrics } = metricsOf();
  using _ = metrics;
  const outcomes = ["succeeded", "failed", "killed", "cancelled", "timed_out", "withdrawn", "lost"];
  const names = [
    'cloud_node_workloads_started_total{kind="inference"}',
    'cloud_node_workload_duration_seconds_count{kind="inference"}',
    'cloud_node_workload_queue_seconds_count{kind="inference"}',
    ...[...outcomes, "not_started"].map((outcome) =>
      `cloud_node_workloads_ended_total{kind="inference",outcome="${outcome}"}`
    ),
  ];
  for (const name of names) assertEquals(await sample(metrics, name), 0, name);
  assertEquals(
    await sample(metrics, 'cloud_node_workloads_started_total{kind="training"}'),
    undefined,
    "the node runs none of that kind",
  );
});

Deno.test("metrics: commands are counted by kind and by how they ended", async () => {
  const { events, metrics } = metricsOf();
  using _ = metrics;
  for (const [outcome, seconds] of [[OK, 0.2], [OK, 3], [FAILED, 1], [CANCELLED, 7]] as const) {
    events.emit("started", { command: COMMAND, pid: 1, queuedSeconds: 0.001 });
    events.emit("ended", { command: COMMAND, outcome, seconds });
  }
  const ended = (outcome: string) =>
    sample(metrics, `cloud_node_workloads_ended_total{kind="inference",outcome="${outcome}"}`);
  assertEquals(await ended("succeeded"), 2);
  assertEquals(await ended("failed"), 1);
  assertEquals(await ended("cancelled"), 1);
  const duration = "cloud_node_workload_duration_seconds";
  assertEquals(await sample(metrics, 'cloud_node_workloads_started_total{kind="inference"}'), 4);
  assertEquals(await sample(metrics, `${duration}_count{kind="inference"}`), 4);
  assertEquals(await sample(metrics, `${duration}_bucket{le="1",kind="inference"}`), 2);
  assertEquals(await sample(metrics, `${duration}_sum{kind="inference"}`), 11.2);
  assertEquals(
    await sample(metrics, 'cloud_node_workload_queue_seconds_bucket{le="0.005",kind="inference"}'),
    4,
  );
});

Deno.test("metrics: what commands have used is added up, as far as it is known", async () => {
  const { events, metrics } = metricsOf();
  using _ = metrics;
  for (const resources of [{ cpuSeconds: 2, readBytes: 5 }, { cpuSeconds: 0.5 }, undefined]) {
    const outcome = { ...OK, end: { ...OK.end, resources } };
    events.emit("ended", { command: COMMAND, outcome, seconds: 1 });
  }
  const used = (figure: string) =>
    sample(metrics, `cloud_node_workload_${figure}_total{kind="inference"}`);
  assertEquals(await used("cpu_seconds"), 2.5);
  assertEquals(await used("read_bytes"), 5);
  assertEquals(await used("written_bytes"), undefined);
});

Deno.test("metrics: memory of GPUs by kind of workload, unknown where the driver or nobody tells whose", async () => {
  const sampled = { index: 3, uuid: "GPU-a" } as GpuSample;
  const process = (memoryUsedBytes: number | undefined, workload?: typeof COMMAND) => ({
    pid: 1,
    gpuUuid: "GPU-a",
    memoryUsedBytes,
    workload,
  });
  const { metrics } = metricsOf(() => ({
    ...SNAPSHOT,
    gpus: { samples: [sampled], processes: [], isSuccessful: true },
    gpuProcesses: [process(5, COMMAND), process(6, COMMAND), process(7), process(undefined)],
  }));
  using _ = metrics;
  const memory = (kind: string) =>
    sample(metrics, `cloud_node_gpu_workload_memory_bytes{gpu="3",kind="${kind}"}`);
  assertEquals([await memory("inference"), await memory("unknown")], [11, 7]);
});

Deno.test("metrics: the first connection is no reconnect", async () => {
  const isConnected = false;
  const { events, metrics } = metricsOf(() => ({
    ...SNAPSHOT,
    connection: { ...SNAPSHOT.connection, isConnected },
  }));
  using _ = metrics;
  const reconnects = () => sample(metrics, "cloud_node_mqtt_reconnects_total");
  events.emit("connection", { isConnected: true });
  assertEquals(await reconnects(), 0);
  events.emit("connection", { isConnected: false });
  events.emit("connection", { isConnected: true });
  assertEquals(await reconnects(), 1);
});

Deno.test("metrics: no id is a label, and what is disposed counts no longer", async () => {
  const { events, metrics } = metricsOf();
  events.emit("ended", { command: COMMAND, outcome: OK, seconds: 1 });
  metrics[Symbol.dispose]();
  events.emit("ended", { command: COMMAND, outcome: OK, seconds: 1 });
  const text = await metrics.text();
  assertStringIncludes(text, 'outcome="succeeded"} 1\n');
  for (const id of ["u-1", "my-node", "01jdr", "r1"]) assertEquals(text.includes(`"${id}"`), false);
});

Deno.test({
  name: "metrics: promtool finds nothing to say about those of a node that has worked",
  ignore: !promtoolAvailable(),
  async fn() {
    await using world = await World.start();
    await using local = await world.runNode({ inference: "true", http: "127.0.0.1:0" });
    await using sender = await world.sender(local.identity);
    await sender.ask({ command: "inference", request_id: "r1" });
    const { url } = JSON.parse(await Deno.readTextFile(`${world.stateFolder}/http.json`));
    const { body, headers } = await ask(url, "/metrics");
    assertMatch(headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    assertMatch(
      body,
      /^cloud_node_workloads_ended_total\{kind="inference",outcome="succeeded"\} 1$/m,
    );
    assertMatch(body, /^process_cpu_seconds_total \d+\.\d+$/m);
    assertEquals(await promtool(["check", "metrics"], body), "");
  },
});

Deno.test("metrics: GPUs, without a sample of what the driver does not tell", async () => {
  const card = {
    ...{ index: 1, uuid: "GPU-1", name: "NVIDIA A100", utilization: undefined },
    ...{ memoryUsedBytes: 3, memoryTotalBytes: 4, powerWatts: 48.5, temperatureCelsius: 33 },
  };
  let gpus: NodeSnapshot["gpus"] = { samples: [card], processes: [], isSuccessful: true };
  const { metrics } = metricsOf(() => ({ ...SNAPSHOT, gpus }));
  using _ = metrics;
  const labels = '{gpu="1",model="NVIDIA A100"}';
  assertEquals(await sample(metrics, `cloud_node_gpu_power_watts${labels}`), 48.5);
  assertEquals(await sample(metrics, `cloud_node_gpu_utilization_ratio${labels}`), undefined);
  assertEquals(await sample(metrics, "cloud_node_gpu_last_collect_success"), 1);
  gpus = { samples: [], processes: [], isSuccessful: false };
  assertEquals(await sample(metrics, `cloud_node_gpu_power_watts${labels}`), undefined);
  assertEquals(await sample(metrics, "cloud_node_gpu_last_collect_success"), 0);
  gpus = { samples: [], processes: [], isSuccessful: undefined };
  assertEquals(await sample(metrics, "cloud_node_gpu_last_collect_success"), undefined);
});

Deno.test("metrics: workers and servers, their states, their restarts and how long they loaded", async () => {
  const events = new NodeEvents(createLogger("test"));
  const clock = new FakeClock();
  let executors: NodeSnapshot["executors"] = {
    training: { state: "ready" },
    inference: { state: "starting" },
  };
  const snapshot = () => ({ ...SNAPSHOT, executors });
  using metrics = new Metrics({ events, clock, snapshot, journalBytes: () => 0 });
  const change = (state: "starting" | "ready" | "restarting") => {
    executors = { ...executors, inference: { state } };
    events.emit("executor", { kind: "inference", state });
  };
  const state = (name: string, lane = "inference") =>
    sample(metrics, `cloud_node_warm_state{lane="${lane}",state="${name}"}`);
  assertEquals([await state("ready"), await state("starting")], [0, 1]);
  // What starts a process for each command is never loaded.
  assertEquals(await state("ready", "training"), undefined);
  await clock.advance(4_500);
  change("ready");
  assertEquals([await state("ready"), await state("starting")], [1, 0]);
  assertEquals(await sample(metrics, 'cloud_node_warm_load_seconds{lane="inference"}'), 4.5);
  await clock.advance(60_000);
  change("restarting");
  change("starting");
  await clock.advance(2_000);
  change("ready");
  assertEquals(await sample(metrics, 'cloud_node_warm_restarts_total{lane="inference"}'), 1);
  assertEquals(await sample(metrics, 'cloud_node_warm_load_seconds{lane="inference"}'), 2);
});
