import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { statusLines } from "../../src/cli/show_status.ts";
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
