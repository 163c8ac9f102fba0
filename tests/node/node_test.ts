import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CloudNode } from "../../src/cloud_node.ts";
import { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import type { CallMatcher } from "../../src/dev/rest_calls.ts";
import { AuthenticationError, InstallScriptError } from "../../src/errors.ts";
import { freePort } from "../support/mosquitto.ts";
import { LocalNode, World } from "../support/world.ts";

/** Selects what a node reports about its instance. */
function isReport(action: string): CallMatcher {
  return ({ path }) => path.endsWith(`/${action}`);
}

/** What a node asks of the backend before it is ready. */
const STARTING_CALLS: readonly [call: string, matches: CallMatcher][] = [
  ["whether the token is good", isReport("instances")],
  ["its wish for an instance", isReport("cloud-node")],
  ["its registration", isReport("register")],
];

/** How a backend gives up an instance, and what its heartbeat then brings. */
const GIVING_UP: readonly [
  how: string,
  giveUp: (backend: EmulatedBackend, uuid: string) => void,
][] = [
  ["answered with 404", (backend, uuid) => void backend.instances.delete(uuid)],
  [
    "answered with 400 because it was terminated",
    (backend, uuid) => backend.instances.get(uuid)!.status = "terminated",
  ],
];

const STATUS = { command: "status", request_id: "s1" };

/** Hangs up on whoever calls, and resolves with the port at the first caller's end. */
async function hangUpOnce(listener: Deno.Listener): Promise<void> {
  (await listener.accept()).close();
  listener.close();
}

Deno.test("a node that is ready is registered, knows who it is, and answers", async () => {
  await using world = await World.start();
  await using local = await world.runNode({ inference: "true" }, { slug: "my-node" });
  const { uuid, slug } = local.identity;
  assertEquals(local.node.identity?.uuid, uuid);
  assertEquals(slug, "my-node");
  assertEquals(world.backend.instances.get(uuid)?.status, "registered");
  await using sender = await world.sender(local.identity);
  assertEquals((await sender.ask(STATUS)).status, "ok");
});

Deno.test("a node logs to the logger it is given, and shows it no secret", async () => {
  const lines: string[] = [];
  const write = (level: string) => (line: string) => void lines.push(`${level} ${line}`);
  const logger = {
    debug: () => {},
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
  await using world = await World.start();
  const local = await world.runNode(
    { inference: "echo my token is $CYBERWAVE_API_TOKEN" },
    { slug: "my-node", logger },
  );
  await using sender = await world.sender(local.identity);
  await sender.ask({ command: "inference", request_id: "r1" });
  await local.node.stop();
  assert(lines.some((line) => line.startsWith("info mqtt: Connected to mqtt://")));
  assert(lines.some((line) => /^info workloads: \[\w{6}\] my token is \*\*\*$/.test(line)));
  assert(
    lines.some((line) => /^info commands: \[\w{6}\] inference r1 succeeded after /.test(line)),
  );
  assertEquals(lines.filter((line) => line.includes(world.backend.token)), []);
});

Deno.test("stop() says goodbye to the backend, and the next run is the same instance", async () => {
  await using world = await World.start();
  const first = await world.runNode();
  await first.node.stop();
  assertEquals(first.node.identity, undefined);
  assertEquals(world.backend.instances.get(first.identity.uuid)?.status, "terminated");
  await using second = await world.runNode();
  assertEquals(second.identity.uuid, first.identity.uuid);
  assertEquals(world.backend.instances.size, 1);
});

Deno.test("run() ends when its signal aborts, and tells how the commands went", async () => {
  await using world = await World.start();
  const stop = new AbortController();
  const config = { inference: "true", training: "false" };
  const local = await world.runNode(config, { signal: stop.signal });
  await using sender = await world.sender(local.identity);
  await sender.ask({ command: "inference", request_id: "i1" });
  await sender.ask({ command: "training", request_id: "t1" });
  stop.abort();
  assertEquals(await local.ended, { succeeded: 1, failed: 1 });
});

Deno.test("run() ends at once when its signal has aborted before", async () => {
  await using world = await World.start();
  const node = new CloudNode({ config: world.config() });
  assertEquals(await node.run({ signal: AbortSignal.abort() }), { succeeded: 0, failed: 0 });
});

Deno.test("await using stops a node, also one that does not run", async () => {
  await using world = await World.start();
  let run: Promise<unknown>;
  {
    await using node = new CloudNode({ config: world.config() });
    const ready = Promise.withResolvers<void>();
    run = node.run({ onReady: () => ready.resolve() });
    await ready.promise;
    await using _idle = new CloudNode({ config: world.config() });
  }
  await run;
});

Deno.test("a node cannot be run twice at a time, but one run after the other", async () => {
  await using world = await World.start();
  const local = await world.runNode();
  await assertRejects(() => local.node.run(), Error, "Cannot run a node that runs already");
  await local.node.stop();
  const again = local.node.run();
  await local.node.stop();
  await again;
});

Deno.test("work goes on while the node is stopped, and the next run answers", async () => {
  await using world = await World.start();
  const config = { inference: "read -r word <gate; echo $word" };
  await new Deno.Command("mkfifo", { args: [`${world.folder}/gate`] }).output();
  const first = await world.runNode(config);
  await using sender = await world.sender(first.identity);
  await sender.send({ command: "inference", request_id: "i1" });
  const status = await sender.ask(STATUS);
  assertEquals(JSON.parse(status.output!).is_busy, true);
  await first.node.stop();
  await using _second = await world.runNode(config);
  await Deno.writeTextFile(`${world.folder}/gate`, "through\n");
  assertEquals((await sender.reply("i1")).output, "through\n");
});

Deno.test("drain() finishes what was accepted first", async () => {
  await using world = await World.start();
  const local = await world.runNode({ inference: "echo done" });
  await using sender = await world.sender(local.identity);
  for (const id of ["i1", "i2"]) await sender.send({ command: "inference", request_id: id });
  await sender.ask(STATUS);
  await local.node.drain();
  assertEquals(await local.ended, { succeeded: 2, failed: 0 });
  assertEquals((await sender.reply("i2")).output, "done\n");
});

Deno.test("a run of one command ends when that was answered", async () => {
  await using world = await World.start();
  const local = await world.runNode({ inference: "exit 3" }, { once: true });
  await using sender = await world.sender(local.identity);
  await sender.send({ command: "inference", request_id: "i1" });
  assertEquals(await local.ended, { succeeded: 0, failed: 1 });
  assertEquals((await sender.reply("i1")).error, "Command failed with code 3");
});

Deno.test("a node that is given its config never looks at the environment", async () => {
  await using world = await World.start();
  const misleading = {
    CYBERWAVE_API_TOKEN: "another-token",
    CYBERWAVE_API_URL: "http://127.0.0.1:9",
    CYBERWAVE_MQTT_HOST: "broker.invalid",
    CYBERWAVE_ENVIRONMENT: "dev",
    CYBERWAVE_INSTANCE_SLUG: "another-slug",
    CYBERWAVE_INFERENCE_CMD: "echo from the environment",
    CYBERWAVE_EDGE_CONFIG_DIR: "/nonexistent/state",
  };
  for (const [name, value] of Object.entries(misleading)) Deno.env.set(name, value);
  try {
    await using local = await world.runNode({ inference: "echo from the config", slug: "mine" });
    assertEquals(local.identity.slug, "mine");
    await using sender = await world.sender(local.identity);
    const reply = await sender.ask({ command: "inference", request_id: "i1" });
    assertEquals(reply.output, "from the config\n");
  } finally {
    for (const name of Object.keys(misleading)) Deno.env.delete(name);
  }
});

Deno.test("a backend that is down at the start is waited for", async () => {
  await using broker = await EmbeddedBroker.start();
  await using world = await World.start();
  const down = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = down.addr as Deno.NetAddr;
  const starting = LocalNode.start({
    ...world.config(),
    token: "token-of-the-late-backend",
    apiUrl: `http://127.0.0.1:${port}`,
    mqttPort: broker.port,
  });
  await hangUpOnce(down);
  await using late = EmulatedBackend.start({ port, token: "token-of-the-late-backend" });
  await using local = await starting;
  assertEquals(late.instances.get(local.identity.uuid)?.status, "registered");
});

Deno.test("a broker that is down at the start is waited for", async () => {
  await using world = await World.start();
  const down = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = down.addr as Deno.NetAddr;
  const starting = LocalNode.start(world.config({ mqttPort: port }));
  await hangUpOnce(down);
  await using _late = await EmbeddedBroker.start({ port });
  await using _local = await starting;
});

for (const [call, matches] of STARTING_CALLS) {
  Deno.test(`a node can be stopped while the backend does not answer ${call}`, async () => {
    await using world = await World.start();
    world.backend.answerNext(matches, () => new Promise(() => {}));
    const node = new CloudNode({ config: world.config() });
    const run = node.run();
    await world.called(matches);
    await node.stop();
    assertEquals(await run, { succeeded: 0, failed: 0 });
  });
}

Deno.test("a node whose backend never comes can be stopped", async () => {
  await using world = await World.start();
  const down = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = down.addr as Deno.NetAddr;
  const node = new CloudNode({ config: world.config({ apiUrl: `http://127.0.0.1:${port}` }) });
  const run = node.run();
  await hangUpOnce(down);
  await node.stop();
  assertEquals(await run, { succeeded: 0, failed: 0 });
});

Deno.test("a node whose broker never comes can be stopped", async () => {
  await using world = await World.start();
  const node = new CloudNode({ config: world.config({ mqttPort: freePort() }) });
  const run = node.run();
  const { path } = await world.called(isReport("heartbeat"));
  await node.stop();
  assertEquals(await run, { succeeded: 0, failed: 0 });
  const [, uuid] = /cloud-node\/([^/]+)\//.exec(path)!;
  assertEquals(world.backend.instances.get(uuid)?.status, "terminated");
});

Deno.test("a node whose broker takes the call and never says a word can be stopped", async () => {
  await using world = await World.start();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const node = new CloudNode({ config: world.config({ mqttPort: port }) });
  const run = node.run();
  using _caller = await silent.accept();
  await node.stop();
  assertEquals(await run, { succeeded: 0, failed: 0 });
});

for (const [how, giveUp] of GIVING_UP) {
  Deno.test(`a node registers anew and moves its topics when its heartbeat is ${how}`, async () => {
    await using world = await World.start();
    await using local = await world.runNode({ heartbeatInterval: 0.05 });
    const old = local.identity;
    giveUp(world.backend, old.uuid);
    // The heartbeats of the new instance begin when its topics are subscribed to.
    await world.called((call) => isReport("heartbeat")(call) && !call.path.includes(old.uuid));
    const now = local.node.identity!;
    assert(now.uuid !== old.uuid);
    await using sender = await world.sender(now);
    const topic = `cyberwave/cloud-node/${old.uuid}/command`;
    await sender.client.publish(topic, { command: "status", request_id: "to the old one" });
    assertEquals((await sender.ask(STATUS)).instance_uuid, now.uuid);
    assertEquals(sender.inbox.all.length, 1);
  });
}

Deno.test("a provisioned node whose instance was terminated meanwhile is the same again", async () => {
  await using world = await World.start();
  const { uuid } = (await (world.backend.createInstance({ profile_slug: "default" })).json()) as {
    uuid: string;
  };
  await using local = await world.runNode({ instanceUuid: uuid, heartbeatInterval: 0.05 });
  await world.called(isReport("register"));
  // As the backend does after 120 s without a heartbeat.
  world.backend.instances.get(uuid)!.status = "terminated";
  await world.called(isReport("register"));
  await using sender = await world.sender(local.identity);
  assertEquals((await sender.ask(STATUS)).instance_uuid, uuid);
  assertEquals(world.backend.instances.size, 1);
});

Deno.test("several nodes run in one process, each with its own state folder", async () => {
  await using world = await World.start();
  await using one = await world.runNode({
    stateFolder: `${world.folder}/one`,
    inference: "echo 1",
  });
  await using two = await world.runNode({
    stateFolder: `${world.folder}/two`,
    inference: "echo 2",
  });
  for (const [local, output] of [[one, "1\n"], [two, "2\n"]] as const) {
    await using sender = await world.sender(local.identity);
    const reply = await sender.ask({ command: "inference", request_id: "r1" });
    assertEquals(reply.output, output);
  }
});

Deno.test("the state folder and all in it are for its owner alone, whatever the umask", async () => {
  await using world = await World.start();
  await Deno.mkdir(world.stateFolder, { mode: 0o755 });
  const umask = Deno.umask(0o000);
  try {
    await using local = await world.runNode({ inference: "echo secret" });
    await using sender = await world.sender(local.identity);
    await sender.ask({ command: "inference", request_id: "i1" });
    await local.node.stop();
  } finally {
    Deno.umask(umask);
  }
  const readable = (await modesIn(world.stateFolder)).filter(({ mode }) => (mode & 0o077) !== 0);
  assertEquals(readable, []);
});

Deno.test("without a token, or with one that is rejected, there is no node", async () => {
  await using world = await World.start();
  const none = new CloudNode({ config: world.config({ token: undefined }) });
  await assertRejects(() => none.run(), AuthenticationError, "There is no API token");
  const wrong = new CloudNode({ config: world.config({ token: "wrong-token" }) });
  const error = await assertRejects(() => wrong.run(), AuthenticationError);
  assert(!error.message.includes("wrong-token"));
});

Deno.test("a token that is revoked while the node runs ends nothing", async () => {
  await using world = await World.start();
  await using local = await world.runNode({ inference: "true", heartbeatInterval: 0.02 });
  world.backend.answerNext(
    isReport("heartbeat"),
    () => Response.json({ message: "Invalid token" }, { status: 401 }),
  );
  await world.called(isReport("heartbeat"));
  await using sender = await world.sender(local.identity);
  assertEquals((await sender.ask({ command: "inference", request_id: "r1" })).status, "ok");
});

Deno.test("a node whose install script fails is reported as failed", async () => {
  await using world = await World.start();
  const node = new CloudNode({ config: world.config({ installScript: "echo no >&2; exit 7" }) });
  await assertRejects(() => node.run(), InstallScriptError, "failed with code 7");
  const [instance] = world.backend.instances.values();
  assertEquals(instance.status, "failed");
  assertStringIncludes(instance.error!, "no");
});

async function modesIn(folder: string): Promise<{ path: string; mode: number }[]> {
  const { mode, isDirectory } = await Deno.lstat(folder);
  const own = { path: folder, mode: mode! & 0o777 };
  if (!isDirectory) return [own];
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const inside = await Promise.all(entries.map(({ name }) => modesIn(`${folder}/${name}`)));
  return [own, ...inside.flat()];
}
