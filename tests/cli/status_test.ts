import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { statusLines } from "../../src/cli/subcommands/show_status.ts";
import { Gate, Stage } from "../support/stage.ts";

Deno.test("status shows how the running node is, without the broker", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  training: ${gate.template}\n  inference: "true"\n`);
  await using node = await stage.startNode("--slug", "n");
  await using sender = stage.start(["run", "training", "--slug", "n"]);
  await node.awaitLine(/at the gate/);
  // Nobody but the node needs to be reached for this.
  const env = { CYBERWAVE_MQTT_PORT: "1", CYBERWAVE_API_URL: "http://127.0.0.1:1" };
  const { code, stdout, stderr } = await stage.run(["status"], { env });
  assertEquals([code, stderr], [0, ""]);
  const { port } = stage.world.broker;
  const lines = [
    /^node +n \([\w-]+\)$/m,
    new RegExp(`^process +${node.pid}, for [\\d.]+s$`, "m"),
    new RegExp(`^broker +mqtt://127.0.0.1:${port}, connected for [\\d.]+s$`, "m"),
    /^heartbeat +([\d.]+s ago|none yet)$/m,
    /^inference +0 of 1 running, 0 of \d+ queued$/m,
    /^training +1 of 1 running, 0 of \d+ queued$/m,
    /^undelivered +nothing$/m,
  ];
  for (const line of lines) assertMatch(stdout, line);
  const json = JSON.parse((await stage.run(["status", "--json"])).stdout);
  assertEquals([json.node.slug, json.node.broker.is_connected], ["n", true]);
  assertEquals(json.node.workloads[0].kind, "training");
  assertEquals([...Deno.readDirSync(`${stage.world.stateFolder}/requests`)], []);
  await gate.open("a word");
  await sender.exited;
});

Deno.test("status says so when no node runs, and exits with 1", async () => {
  await using stage = await Stage.set();
  const { code, stdout, stderr } = await stage.run(["status"]);
  assertEquals([code, stdout], [1, ""]);
  assertStringIncludes(stderr, "No node runs with the state folder");
  const json = await stage.run(["status", "--json"]);
  assertEquals([json.code, JSON.parse(json.stdout).node], [1, null]);
});

Deno.test("a status tells of an outage, of what drains and of what is not delivered", () => {
  const lines = statusLines({
    node_pid: 7,
    slug: null,
    started_at: "2026-01-01T00:00:00Z",
    broker: { url: "mqtt://b:1883", is_connected: false, since: "2026-01-01T00:58:00Z" },
    last_heartbeat: null,
    is_draining: true,
    lanes: [],
    finalizing: 2,
    undelivered: { count: 3, oldest_at: "2026-01-01T00:57:30Z" },
  }, Date.parse("2026-01-01T01:00:00Z"));
  assertEquals(lines, [
    "node         not registered yet, draining: takes no new commands",
    "process      7, for 1h 00m",
    "broker       mqtt://b:1883, not connected for 2m 00s",
    "heartbeat    none yet",
    "undelivered  3 messages, the oldest for 2m 30s",
    "uploads      results of 2",
  ]);
});

Deno.test("a status says what keeps a kind from taking commands, and why", () => {
  const lane = { running: 0, concurrency: 1, queued: 2, max_queued: 9 };
  const lines = statusLines({
    lanes: [
      { kind: "inference", ...lane, state: "failed", reason: "it has\n no GPU\n" },
      { kind: "training", ...lane, state: "ready", reason: null },
      { kind: "simulate", ...lane, state: "starting" },
    ],
  }, 0);
  assertEquals(lines.filter((line) => line.includes("queued")), [
    "inference    0 of 1 running, 2 of 9 queued, failed: it has no GPU",
    "training     0 of 1 running, 2 of 9 queued",
    "simulate     0 of 1 running, 2 of 9 queued, starting",
  ]);
});

Deno.test("a status says who has which of the GPUs that are given away", () => {
  const lines = statusLines({
    workloads: [{ id: "01K", kind: "training" }],
    given_gpus: [
      { name: "0", holders: ["01K"] },
      { name: "1", holders: ["inference-worker-0"] },
      { name: "2", holders: [] },
    ],
  }, 0);
  assertEquals(lines.filter((line) => line.startsWith("gpus")), [
    "gpus         0 training, 1 inference-worker-0, 2 free",
  ]);
});

Deno.test("status and doctor tell of a worker that cannot be loaded", async () => {
  await using stage = await Stage.set("  inference:\n    worker: exit 3\n");
  await using node = stage.start(["start", "--slug", "n"]);
  await node.awaitLine(/starting it again/);
  const { stdout } = await stage.run(["status"]);
  assertMatch(stdout, /^inference +0 of 1 running, 0 of \d+ queued, (restarting|starting)/m);
  const doctor = await stage.run(["doctor"]);
  assertMatch(doctor.stdout, /^(warn|ok) +models +inference is (restarting|starting)/m);
});
