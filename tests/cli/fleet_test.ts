import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fleetTable } from "../../src/cli/subcommands/fleet.ts";
import { type Mosquitto, mosquittoAvailable } from "../support/mosquitto.ts";
import { NodeProcess } from "../support/node_process.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { join, PoolSender } from "../support/pool.ts";
import { Program } from "../support/program.ts";
import { Gate } from "../support/stage.ts";
import { World } from "../support/world.ts";

const test = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !mosquittoAvailable(), fn });

/** Runs `fleet` on a computer that has no node. */
function fleet(world: World<Mosquitto>, ...args: string[]) {
  return Program.run(["fleet", ...args, "--pool", "gpu"], {
    cwd: world.folder,
    env: {
      CYBERWAVE_MQTT_HOST: world.broker.host,
      CYBERWAVE_MQTT_PORT: String(world.broker.port),
      CYBERWAVE_EDGE_CONFIG_DIR: `${world.folder}/elsewhere`,
    },
  });
}

Deno.test("fleet ps shows a line for each node, without what could move the cursor", () => {
  const node = {
    ...{ slug: "a\u001b[2J", instanceUuid: "u-1", profileSlug: "default", kinds: [] },
    ...{ version: "1.2.3", startedAt: 0, isDraining: false, pool: "gpu", isBusy: true, queued: 3 },
    lanes: { inference: { running: 1, queued: 3, concurrency: 2 } },
    workloads: [],
  };
  const old = { ...node, slug: "b", version: "", startedAt: undefined, isBusy: false, lanes: {} };
  assertEquals(fleetTable([node, old, { ...old, isDraining: true }], 90_000), [
    "NODE  STATE     RUNNING        QUEUED  UP      VERSION  UUID",
    "a     busy      inference 1/2  3       1m 30s  1.2.3    u-1",
    "b     idle      -              3       -       -        u-1",
    "b     draining  -              3       -       -        u-1",
  ]);
});

test("fleet ps shows all nodes of the pool, also those that have left it for want of room", async () => {
  await using world = await World.withMosquitto();
  const gate = await Gate.in(world.folder);
  await using a = await join(world, "a", { inference: gate.template });
  await using b = await join(world, "b", { training: "true" });
  await using _other = await join(world, "c", { pool: "cpu" });
  await using sender = await PoolSender.connect(world);
  await sender.send("r1", "inference", "cyberwave/cloud-node/a/command");
  await a.logger.logged("No room for commands of the pool");
  const { code, stdout } = await fleet(world, "ps");
  assertEquals(code, 0);
  const [head, ...lines] = stdout.trimEnd().split("\n");
  assertMatch(head!, /^NODE +STATE +RUNNING +QUEUED +UP +VERSION +UUID$/);
  assertEquals(lines.map((line) => line.split(/ {2,}/).slice(0, 4)), [
    ["a", "busy", "inference 1/1", "0"],
    ["b", "idle", "training 0/1", "0"],
  ]);
  const { nodes } = JSON.parse((await fleet(world, "ps", "--json")).stdout);
  assertEquals(nodes.map(({ slug, has_room }: Record<string, unknown>) => [slug, has_room]), [
    ["a", false],
    ["b", true],
  ]);
  assertEquals(nodes[1].instance_uuid, b.local.identity.uuid);
  await gate.open("care");
  await sender.reply("r1");
});

test("fleet run sends a command to each node, and fails when one of them fails", async () => {
  await using world = await World.withMosquitto();
  const inference = 'echo "$CYBERWAVE_SLUG"; cat "$CYBERWAVE_PARAMS_FILE"';
  await using _a = await join(world, "a", { inference });
  await using _b = await join(world, "b", { inference, training: "echo no >&2; exit 1" });
  const ran = await fleet(world, "run", "inference", '{"x":1}');
  assertEquals(ran.code, 0);
  assertEquals(ran.stdout.match(/^[ab]: \{"x":1\}$/gm), ['a: {"x":1}', 'b: {"x":1}']);
  const failed = await fleet(world, "run", "training");
  assertEquals([failed.code, failed.stdout], [10, ""]);
  assertStringIncludes(failed.stderr, "b: no");
  assertStringIncludes(failed.stderr, "a: Training command not configured in cyberwave.yml");
  const one = await fleet(world, "run", "inference", "--node", "b", "--json");
  const { replies } = JSON.parse(one.stdout);
  assertEquals(replies.map(({ slug }: { slug: string }) => slug), ["b"]);
});

test("fleet drain drains one node after another, each once the one before has stopped", async () => {
  await using world = await World.withMosquitto();
  const gate = await Gate.in(world.folder);
  await using a = await join(world, "a", { inference: gate.template });
  await using b = await join(world, "b", { inference: "true" });
  await using sender = await PoolSender.connect(world);
  await sender.send("r1", "inference", "cyberwave/cloud-node/a/command");
  await a.logger.logged("inference r1 started");
  const draining = fleet(world, "drain", "--json", "--wait", "1");
  await a.logger.logged("Draining");
  assertEquals(b.local.node.snapshot()?.isDraining, false);
  await gate.open("care");
  assertEquals((await sender.reply("r1")).status, "ok");
  const { code, stdout, stderr } = await draining;
  assertEquals([code, JSON.parse(stdout)], [0, { drained: ["a", "b"], left: [], error: null }]);
  assertMatch(stderr, /^a: draining\na: stopped within .*\nb: draining\nb: stopped within .*\n$/);
  assertEquals((await a.local.ended).succeeded, 1);
  await b.local.ended;
});

test("fleet drain --back goes on when a node has come back, and no further if it does not", async () => {
  await using world = await World.withMosquitto();
  const yaml = { inference: "true", pool: "gpu", upload_results: false };
  const options = { yaml, args: ["--slug", "a"] };
  await using first = await NodeProcess.start(world, options);
  await using _b = await join(world, "b", { inference: "true" });
  const flags = ["drain", "--wait", "1", "--json", "--back"];
  const draining = fleet(world, ...flags, "60", "--node", "a");
  assertEquals((await first.ended).code, 0);
  await using _again = await NodeProcess.start(world, options);
  assertEquals(JSON.parse((await draining).stdout), { drained: ["a"], left: [], error: null });

  const { code, stdout } = await fleet(world, ...flags, "0.1");
  const { drained, left, error } = JSON.parse(stdout);
  assertEquals([code, drained, left, error], [1, ["a"], ["b"], "a is not done after 0.1 s"]);
});

test("who answers something else than its own status is left out, and the others are shown", async () => {
  await using world = await World.withMosquitto();
  await using a = await join(world, "a", { inference: "true" });
  const { slug, uuid } = a.local.identity;
  await using hostile = await TestClient.connect(world.broker.url);
  const questions = await hostile.collect("cyberwave/cloud-node/pool/gpu/status");
  const ps = fleet(world, "ps", "--json", "--wait", "3");
  const { request_id } = JSON.parse((await questions.next()).text);
  const odd = { slug: { toString: 1 }, instance_uuid: "odd", queued: { valueOf: 1 }, lanes: [1] };
  const status = { status: "ok", request_id, slug: "x" };
  for (
    const [topicOf, instance_uuid, output] of [
      ["odd", "odd", JSON.stringify(odd)],
      ["1", "1", "no JSON"],
      ["2", "2", JSON.stringify({ slug, instance_uuid: uuid })],
      ["3", "3", JSON.stringify({ slug: "x", instance_uuid: "#" })],
      ["4", uuid, JSON.stringify({ slug: "forged", instance_uuid: uuid })],
      ["5", "", "{}"],
    ] as const
  ) {
    const topic = `cyberwave/cloud-node/${topicOf}/response`;
    await hostile.publish(topic, { ...status, instance_uuid, output });
  }
  const { code, stdout, stderr } = await ps;
  const { nodes } = JSON.parse(stdout);
  assertEquals([code, nodes.map((it: { slug: unknown }) => it.slug)], [0, [odd.slug, "a"]]);
  assertEquals(stderr.trimEnd().split("\n").toSorted(), [
    'Left out "x": The node\'s answer to status is not a JSON object',
    'Left out "x": The node\'s answer to status is that of another node',
  ]);
});

test("fleet does nothing when a node that was named does not answer", async () => {
  await using world = await World.withMosquitto();
  await using a = await join(world, "a", { inference: "true" });
  for (const action of [["run", "inference"], ["drain"]]) {
    const { code, stdout, stderr } = await fleet(world, ...action, "--node", "a", "--node", "b");
    assertEquals([code, stdout, stderr], [1, "", 'No answer from "b"\n']);
  }
  assertEquals(a.local.node.snapshot()?.isDraining, false);
});

test("fleet says so when no node answers, and what it cannot do", async () => {
  await using world = await World.withMosquitto();
  const none = await fleet(world, "ps", "--wait", "0.1");
  assertEquals([none.code, none.stdout], [0, 'No node of the pool "gpu" answers\n']);
  const drain = await fleet(world, "drain", "--wait", "0.1");
  assertEquals([drain.code, drain.stderr], [1, 'No node of the pool "gpu" answers\n']);
  for (
    const [args, message] of [
      [["stop"], '"fleet" cannot "stop"'],
      [["run"], '"fleet run" needs a command'],
      [["ps", "a"], '"fleet ps" takes no argument "a"'],
      [["run", "inference", "{"], "Params must be JSON"],
    ] as const
  ) {
    const { code, stderr } = await fleet(world, ...args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
  }
  const { code, stderr } = await Program.run(["fleet", "ps"], { cwd: world.folder });
  assertEquals(code, 2);
  assertStringIncludes(stderr, "No pool is given");
});
