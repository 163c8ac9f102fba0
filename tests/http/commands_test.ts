import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { NodeProcess } from "../support/node_process.ts";
import { HttpNode } from "../support/http_node.ts";
import { Gate } from "../support/stage.ts";
import { World } from "../support/world.ts";

const WAIT = { prefer: "wait=30" };

/** A command as it would stand in a message. */
const inference = (requestId: string, params: Record<string, unknown> = {}) =>
  JSON.stringify({ command: "inference", request_id: requestId, params });

/** How often the workload `echo ran >>runs` ran. */
async function runsIn(world: { readonly folder: string }): Promise<number> {
  return (await Deno.readTextFile(`${world.folder}/runs`)).split("\n").length - 1;
}

Deno.test("commands: one that comes over HTTP runs, and its reply is there for who asks", async () => {
  await using node = await HttpNode.start({ inference: "echo {body}" });
  const { status, headers, body } = await node.post("/api/v1/commands", inference("r1", { x: 1 }));
  const { id, request_id, state } = JSON.parse(body);
  assertEquals([status, request_id], [202, "r1"]);
  assert(["queued", "running"].includes(state), state);
  assertEquals(headers.get("location"), `/api/v1/workloads/${id}`);
  const reply = await node.ask("/api/v1/workloads/r1/reply", { headers: WAIT });
  assertEquals(reply.status, 200);
  const { slug, uuid } = node.local.identity;
  // What it has used of the machine differs each time.
  const { resources: _, ...rest } = JSON.parse(reply.body);
  assertEquals(rest, {
    ...{ status: "ok", request_id: "r1", slug, instance_uuid: uuid, output: '{"x":1}\n' },
  });
  assertEquals((await node.json("/api/v1/status")).undelivered.count, 0);
  // Not asked for by anybody at the broker, nor sent there.
  await using sender = await node.world.sender(node.local.identity);
  await sender.ask({ command: "inference", request_id: "r2" });
  assertEquals(sender.inbox.all.map(({ text }) => JSON.parse(text).request_id), ["r2"]);
});

Deno.test("commands: who wants to wait gets the reply at once, also of one that fails", async () => {
  await using node = await HttpNode.start({ inference: "echo no >&2; exit 3" });
  const { status, body } = await node.post("/api/v1/commands", inference("r1"), WAIT);
  const { id, reply, ...rest } = JSON.parse(body);
  assertEquals([status, rest], [200, { request_id: "r1", state: "ended" }]);
  assertEquals([reply.status, reply.error], ["error", "no\n"]);
  assertEquals((await node.json(`/api/v1/workloads/${id}`)).exit_code, 3);
});

Deno.test("commands: without a request id the node makes one", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  const { body } = await node.post("/api/v1/commands", '{"command":"inference"}', WAIT);
  const { request_id, reply } = JSON.parse(body);
  assertMatch(request_id, /^[\da-f-]{36}$/);
  assertEquals(reply.request_id, request_id);
});

Deno.test("commands: one that is sent again does not run again, wherever it comes from", async () => {
  await using node = await HttpNode.start({ inference: "echo ran >>runs" });
  await using sender = await node.world.sender(node.local.identity);
  const post = async (requestId: string) => {
    const { body } = await node.post("/api/v1/commands", inference(requestId), WAIT);
    return JSON.parse(body);
  };
  const [first, second] = await Promise.all([post("r1"), post("r1")]);
  assertEquals(first, second);
  assertEquals(await post("r1"), first);
  // At the broker, too, it gets its answer.
  const atBroker = await sender.ask({ command: "inference", request_id: "r1" });
  assertEquals(atBroker, first.reply);
  assertEquals(await runsIn(node.world), 1);
  const sent = await sender.ask({ command: "inference", request_id: "r2" });
  assertEquals((await post("r2")).reply, sent);
  assertEquals(await runsIn(node.world), 2);
});

Deno.test("commands: who repeats one at the broker while it runs gets the reply there", async () => {
  await using world = await World.start();
  const gate = await Gate.in(world.folder);
  await using node = await HttpNode.in(world, { inference: gate.template });
  await using sender = await world.sender(node.local.identity);
  await node.post("/api/v1/commands", inference("r1"));
  while ((await node.ask("/api/v1/workloads/r1/logs")).body === "");
  assertEquals((await node.ask("/api/v1/workloads/r1/reply")).status, 409);
  await sender.send({ command: "inference", request_id: "r1" });
  // A later one is answered after that has been taken.
  await sender.ask({ command: "status", request_id: "s1" });
  await gate.open("a word");
  const reply = await sender.reply("r1");
  assertStringIncludes(reply.output!, "let through with a word");
  assertEquals(await node.json("/api/v1/workloads/r1/reply"), reply);
});

Deno.test("commands: what cannot be taken is refused, in a word for programs", async () => {
  await using world = await World.start();
  const gate = await Gate.in(world.folder);
  await using node = await HttpNode.in(world, {
    ...{ inference: gate.template, training: "true", maxQueued: 0, maxCommandSize: 20_000 },
  });
  await node.post("/api/v1/commands", inference("r1"));
  const cases: [body: string, status: number, code: string, error: RegExp][] = [
    ["", 400, "invalid_request", /is not JSON/],
    ["[]", 400, "invalid_request", /must be a JSON object/],
    ['{"command":1}', 400, "invalid_request", /not a name/],
    ['{"params":{}}', 400, "invalid_request", /has no "command"/],
    ['{"status":"ok"}', 400, "invalid_request", /as replies have/],
    ['{"command":"status"}', 400, "invalid_request", /one that runs a workload: inference/],
    ['{"command":"cancel","params":{}}', 400, "invalid_request", /one that runs a workload/],
    ['{"command":"workload_received"}', 400, "invalid_request", /one that runs a workload/],
    ['{"command":"inference","request_id":7}', 400, "invalid_request", /not a string/],
    ['{"command":"inference","params":[]}', 400, "invalid_request", /not an object/],
    [
      '{"command":"training","params":{"workload_uuid":7}}',
      400,
      "invalid_request",
      /workload_uuid/,
    ],
    ['{"command":"simulate"}', 422, "not_configured", /not configured/],
    [inference("r2"), 503, "queue_full", /The queue is full/],
    [inference("r3", { x: "x".repeat(20_000) }), 413, "too_large", /20000 bytes/],
  ];
  for (const [body, status, code, error] of cases) {
    const answer = await node.post("/api/v1/commands", body);
    const found = JSON.parse(answer.body);
    assertEquals([answer.status, found.code], [status, code], body);
    assertMatch(found.error, error);
  }
  await gate.open("a word");
  await node.ask("/api/v1/workloads/r1/reply", { headers: WAIT });
  await using _drained = node.local;
  void node.local.node.drain();
  const draining = await node.post("/api/v1/commands", inference("r4"));
  assertEquals([draining.status, JSON.parse(draining.body).code], [503, "draining"]);
});

Deno.test("commands: 16 MiB of params reach the workload", async () => {
  await using node = await HttpNode.start({
    ...{ inference: "wc -c <$CYBERWAVE_PARAMS_FILE", maxCommandSize: 17 * 1024 * 1024 },
  });
  const headers = { authorization: `Bearer ${node.token}`, "content-type": "application/json" };
  const send = (bytes: number) => {
    const body = inference(`r${bytes}`, { image: "x".repeat(bytes) });
    return fetch(`${node.url}/api/v1/commands`, {
      ...{ method: "POST", headers: { ...headers, ...WAIT }, body },
    });
  };
  const taken = await send(16 * 1024 * 1024);
  const { reply } = await taken.json();
  assert(Number(reply.output) > 16 * 1024 * 1024, reply.error);
  const refused = await send(18 * 1024 * 1024);
  assertEquals([refused.status, (await refused.json()).code], [413, "too_large"]);
});

Deno.test("commands: without the broker they run as well, and are answered", async () => {
  await using world = await World.withMosquitto();
  await using node = await HttpNode.in(world, { inference: "echo alone" });
  await world.broker.kill();
  const { body } = await node.post("/api/v1/commands", inference("r1"), WAIT);
  assertEquals(JSON.parse(body).reply.output, "alone\n");
  assertEquals((await node.json("/api/v1/status")).undelivered.count, 0);
});

Deno.test("commands: one that was taken is answered after a kill of the node", async () => {
  await using world = await World.start();
  const gate = await Gate.in(world.folder);
  const yaml = { inference: gate.template, http: "127.0.0.1:0" };
  const first = await NodeProcess.start(world, { yaml });
  const before = await HttpNode.at(world.stateFolder);
  await before.post("/api/v1/commands", inference("r1"));
  while ((await before.ask("/api/v1/workloads/r1/logs")).body === "");
  await first.kill("SIGKILL");
  await gate.open("a word");
  await using _second = await NodeProcess.start(world, { yaml });
  const after = await HttpNode.at(world.stateFolder);
  const reply = await after.ask("/api/v1/workloads/r1/reply", { headers: WAIT });
  assertEquals(JSON.parse(reply.body).output, "at the gate\nlet through with a word\n");
  const again = await after.post("/api/v1/commands", inference("r1"));
  assertEquals([again.status, JSON.parse(again.body).state], [200, "ended"]);
});

Deno.test("commands: who waits is let go when the node stops, and the command goes on", async () => {
  await using world = await World.start();
  const gate = await Gate.in(world.folder);
  await using node = await HttpNode.in(world, { inference: gate.template });
  const waiting = node.post("/api/v1/commands", inference("r1"), WAIT).catch(() => undefined);
  while ((await node.ask("/api/v1/workloads/r1/logs")).body === "");
  await node.local.node.stop();
  const answer = await waiting;
  if (answer?.body) assertEquals(JSON.parse(answer.body).state, "running");
  await gate.open("a word");
  await using next = await HttpNode.in(world, { inference: gate.template });
  const reply = await next.ask("/api/v1/workloads/r1/reply", { headers: WAIT });
  assertStringIncludes(JSON.parse(reply.body).output, "let through");
});

Deno.test("commands: a reply that is no longer kept is said to be so", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  await node.post("/api/v1/commands", inference("r1"), WAIT);
  assertEquals((await node.ask("/api/v1/workloads/nobody/reply")).status, 404);
  node.forgetReplies();
  const { status, body } = await node.ask("/api/v1/workloads/r1/reply");
  assertEquals([status, JSON.parse(body).code], [410, "not_kept"]);
  const again = await node.post("/api/v1/commands", inference("r1"), WAIT);
  const { id: _, ...rest } = JSON.parse(again.body);
  assertEquals([again.status, rest], [200, { request_id: "r1", state: "ended" }]);
  await using sender = await node.world.sender(node.local.identity);
  const repeated = await sender.ask({ command: "inference", request_id: "r1" });
  assertStringIncludes(repeated.output!, "the output is no longer kept");
});
