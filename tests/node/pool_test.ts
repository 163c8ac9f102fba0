import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CloudNodeClient } from "../../src/cloud_node_client.ts";
import { hasRoom } from "../../src/node/pool.ts";
import { RecordingLogger } from "../support/events.ts";
import { mosquittoAvailable } from "../support/mosquitto.ts";
import { NodeProcess } from "../support/node_process.ts";
import { Program } from "../support/program.ts";
import { Gate } from "../support/stage.ts";
import { join, PoolSender } from "../support/pool.ts";
import { World } from "../support/world.ts";

const IDLE = { running: 0, leaving: 0, queued: 0, concurrency: 1, state: "ready" } as const;

const ROOM: [
  what: string,
  lanes: Parameters<typeof hasRoom>[0],
  prefetch: number,
  room: boolean,
][] = [
  ["an idle lane", [IDLE], 0, true],
  ["one that runs all it can", [{ ...IDLE, running: 1, state: "busy" }], 0, false],
  ["one of two runs", [{ ...IDLE, running: 1, concurrency: 2, state: "busy" }], 0, true],
  ["what runs is being stopped", [{ ...IDLE, running: 1, leaving: 1 }], 0, true],
  ["one is about to start", [{ ...IDLE, queued: 1 }], 0, false],
  ["one may wait", [{ ...IDLE, running: 1 }], 1, true],
  ["one waits, as many as may", [{ ...IDLE, running: 1, queued: 1 }], 1, false],
  ["another kind is full", [IDLE, { ...IDLE, running: 1 }], 0, false],
  ["others have its GPUs", [{ ...IDLE, isShortOfGpus: true }], 0, false],
  ["a model loads", [{ ...IDLE, state: "starting" }], 0, false],
  ["a worker has failed", [{ ...IDLE, state: "failed" }], 0, false],
  ["nothing is configured", [], 0, false],
];

for (const [what, lanes, prefetch, room] of ROOM) {
  Deno.test(`${room ? "room" : "no room"} for a command of a pool: ${what}`, () => {
    assertEquals(hasRoom(lanes, prefetch), room);
  });
}

const test = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !mosquittoAvailable(), fn });

test("a command for a pool runs on one of its nodes, which answers on both topics", async () => {
  await using world = await World.withMosquitto();
  const inference = "echo ran >>ledger; echo done";
  await using a = await join(world, "a", { inference });
  await using b = await join(world, "b", { inference });
  await using sender = await PoolSender.connect(world);
  const own = await Promise.all(
    [a, b].map(({ local }) =>
      sender.client.collect(`cyberwave/cloud-node/${local.identity.uuid}/response`)
    ),
  );
  const slugs = [];
  for (const id of ["r1", "r2", "r3", "r4"]) {
    await sender.sendUntilTaken(id);
    const reply = await sender.reply(id);
    assertEquals(reply.output, "done\n");
    slugs.push(reply.slug);
    const inbox = own[reply.slug === "a" ? 0 : 1]!;
    assertEquals(JSON.parse((await inbox.next()).text).request_id, id);
  }
  assertEquals(new Set(slugs), new Set(["a", "b"]));
  assertEquals(await Deno.readTextFile(`${world.folder}/ledger`), "ran\n".repeat(4));
});

test("a node that is full leaves the pool, and comes back when there is room", async () => {
  await using world = await World.withMosquitto();
  const gate = await Gate.in(world.folder);
  await using a = await join(world, "a", { inference: gate.template });
  await using b = await join(world, "b", { inference: "echo from b" });
  await using sender = await PoolSender.connect(world);
  // The command comes to a by its own topic: what it has in hand counts, wherever that came from.
  await sender.send("own", "inference", "cyberwave/cloud-node/a/command");
  await a.logger.logged("inference own started");
  await a.logger.logged("No room for commands of the pool");
  for (const id of ["r1", "r2", "r3"]) {
    await sender.sendUntilTaken(id);
    assertEquals((await sender.reply(id)).slug, "b");
  }
  await b.local.node.drain();
  assertEquals(await sender.send("r4"), false);
  await gate.open("room");
  await sender.reply("own");
  await sender.sendUntilTaken("r4");
  await a.logger.logged("inference r4 started");
  await gate.open("again");
  assertEquals((await sender.reply("r4")).slug, "a");
});

test("what comes to a node that is full waits there: nothing of a burst is refused", async () => {
  await using world = await World.withMosquitto();
  const yaml = {
    ...{ inference: "echo $CYBERWAVE_REQUEST_ID", max_queued: 0 },
    ...{ pool: "gpu", upload_results: false },
  };
  await using first = await NodeProcess.start(world, { yaml });
  await first.logged('Joined the pool "gpu"');
  await first.kill();
  // The broker has all of them for this node before that can leave the pool.
  await using sender = await PoolSender.connect(world);
  const ids = Array.from({ length: 20 }, (_, index) => `r${index}`);
  for (const id of ids) assert(await sender.send(id));
  await using _second = await NodeProcess.start(world, { yaml });
  const replies = await Promise.all(ids.map((id) => sender.reply(id)));
  assertEquals(replies.map(({ output }) => output), ids.map((id) => `${id}\n`));
});

test("a node that drains takes what the broker has given to it, answers it, and is given no more", async () => {
  await using world = await World.withMosquitto({ config: ["max_inflight_messages 1"] });
  const gate = await Gate.in(world.folder);
  const settings = { inference: gate.template, poolPrefetch: 100 };
  await using a = await join(world, "a", settings);
  await using sender = await PoolSender.connect(world);
  const ids = Array.from({ length: 10 }, (_, index) => `r${index}`);
  const sent = Promise.all(ids.map((id) => sender.send(id)));
  await a.logger.logged("inference r0 started");
  await sent;
  const drained = a.local.node.drain();
  await a.logger.logged('Left the pool "gpu"');
  for (const id of ids) {
    await gate.open(id);
    assertEquals((await sender.reply(id)).output, `at the gate\nlet through with ${id}\n`);
  }
  await drained;
});

test("commands that a node has acknowledged, or that wait for it, outlive its kill", async () => {
  await using world = await World.withMosquitto();
  const gate = await Gate.in(world.folder);
  const options = {
    yaml: { inference: gate.template, pool: "gpu", pool_prefetch: 1, upload_results: false },
    args: ["-v"],
  };
  await using first = await NodeProcess.start(world, options);
  await first.logged('Joined the pool "gpu"');
  await using sender = await PoolSender.connect(world);
  await sender.send("r1");
  await first.logged("inference r1 started");
  await first.kill();
  // The broker gives it this one though it is away, as to every member with a session.
  await sender.send("r2");
  await using second = await NodeProcess.start(world, options);
  for (const id of ["r1", "r2"]) {
    await gate.open(id);
    assertEquals((await sender.reply(id)).output, `at the gate\nlet through with ${id}\n`);
  }
  assertEquals((await second.kill("SIGTERM")).code, 0);
  assert(second.log.all.some((line) => line.includes('Left the pool "gpu"')));
});

test("a node that was stopped is given nothing: the others get all", async () => {
  await using world = await World.withMosquitto();
  const inference = "echo done";
  await using b = await join(world, "b", { inference });
  {
    await using _stopped = await join(world, "a", { inference });
  }
  await using sender = await PoolSender.connect(world);
  for (const id of ["r1", "r2", "r3", "r4"]) {
    await sender.sendUntilTaken(id);
    assertEquals((await sender.reply(id)).slug, b.local.identity.slug);
  }
});

test("start --drain takes what waits for a node that was killed, and nothing else", async () => {
  await using world = await World.withMosquitto();
  const yaml = { inference: "echo done", pool: "gpu", upload_results: false };
  await using first = await NodeProcess.start(world, { yaml });
  await first.logged('Joined the pool "gpu"');
  await first.kill();
  await using sender = await PoolSender.connect(world);
  await sender.send("r1");
  await using draining = await NodeProcess.spawn(world, { yaml, args: ["--drain"] });
  assertEquals((await sender.reply("r1")).output, "done\n");
  assertEquals((await draining.ended).code, 0);
});

test("start --once with a pool answers one command and exits as it went", async () => {
  await using world = await World.withMosquitto();
  const yaml = { inference: "echo no; exit 1", pool: "gpu", upload_results: false };
  const args = ["--once", "--idle-timeout", "1h"];
  await using node = await NodeProcess.start(world, { yaml, args });
  await node.logged('Joined the pool "gpu"');
  await using sender = await PoolSender.connect(world);
  await sender.send("r1");
  assertEquals((await sender.reply("r1")).status, "error");
  assertEquals((await node.ended).code, 10);
});

test("a drain waits for a broker that is away as long as a stop does, and says what is left", async () => {
  await using world = await World.withMosquitto();
  await using a = await join(world, "a", { inference: "echo done", stopTimeout: 0.1 });
  await world.broker.stop();
  await a.local.node.drain();
  const line = 'Could not leave the pool "gpu": there is no connection to the broker. What the';
  await a.logger.logged(line);
});

test("a command for a pool without a node that has room is sent again until there is one", async () => {
  await using world = await World.withMosquitto();
  const { host: mqttHost, port: mqttPort } = world.broker;
  await using client = await CloudNodeClient.connect({ pool: "gpu", mqttHost, mqttPort });
  const called = client.call("inference", {}, { requestId: "r1" });
  // Until this one is there, the broker throws the command away each time.
  await using _node = await join(world, "a", { inference: "echo $CYBERWAVE_REQUEST_ID" });
  const { output, slug } = await called;
  assertEquals([output, slug], ["r1\n", "a"]);
});

test("run --pool sends to one node of the pool, and says what is wrong when none takes it", async () => {
  await using world = await World.withMosquitto();
  const env = {
    CYBERWAVE_MQTT_HOST: world.broker.host,
    CYBERWAVE_MQTT_PORT: String(world.broker.port),
    CYBERWAVE_EDGE_CONFIG_DIR: `${world.folder}/sender`,
  };
  const run = (...args: string[]) =>
    Program.run(["run", "inference", "--pool", "gpu", ...args], { cwd: world.folder, env });
  const none = await run("--timeout", "0.5");
  assertEquals(none.code, 1);
  assertStringIncludes(none.stderr, 'No reply to "inference" within 0.5 s');
  assertStringIncludes(none.stderr, "Check that the pool has nodes with room");
  await using _node = await join(world, "a", { inference: "echo done" });
  const { code, stdout } = await run();
  assertEquals([code, stdout], [0, "done\n"]);
});

Deno.test("a broker without shared subscriptions costs a node its place in the pool, and is named once", async () => {
  await using world = await World.start();
  const logger = new RecordingLogger();
  const settings = { inference: "echo done", pool: "gpu", uploadResults: false };
  await using local = await world.runNode(settings, { logger });
  await using sender = await world.sender(local.identity);
  await logger.logged('Not in the pool "gpu": the broker refused the subscription to "$share/gpu/');
  for (const id of ["r1", "r2"]) {
    assertEquals((await sender.ask({ command: "inference", request_id: id })).status, "ok");
  }
  const status = await sender.ask({ command: "status", request_id: "s" });
  assertEquals(JSON.parse(status.output!).has_room, false);
  await local.node.drain();
  const said = logger.lines.all.filter(({ message }) => message.includes('the pool "gpu"'));
  assertEquals(said.map(({ level }) => level).filter((level) => level !== "debug"), ["error"]);
});
