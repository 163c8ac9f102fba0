import { assert, assertEquals, assertMatch } from "@std/assert";
import type { CloudNodeConfig } from "../../src/config/node_config.ts";
import { attributesOf, Collector } from "../support/collector.ts";
import { becomes } from "../support/followed.ts";
import { inTime } from "../support/events.ts";
import { HttpNode } from "../support/http_node.ts";
import { NodeProcess } from "../support/node_process.ts";
import { Gate } from "../support/stage.ts";
import { type LocalNode, type Sender, World } from "../support/world.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const SENDER = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "vendor=1" };
const SHOW = 'echo "$TRACEPARENT $TRACESTATE"';

interface Scene extends AsyncDisposable {
  readonly world: Awaited<ReturnType<typeof World.start>>;
  readonly collector: Collector;
  readonly node: LocalNode;
  readonly sender: Sender;
}

async function scene(
  config: CloudNodeConfig,
  env: (collector: Collector) => Record<string, string> = ({ env }) => env,
): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const collector = stack.use(new Collector());
  const world = stack.use(await World.start());
  const node = stack.use(
    await world.runNode(config, { env: { ...Deno.env.toObject(), ...env(collector) } }),
  );
  const sender = stack.use(await world.sender(node.identity));
  return { world, collector, node, sender, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Sends a command with user properties. */
function send(
  sender: Sender,
  uuid: string,
  command: Record<string, unknown>,
  userProperties: Record<string, string | string[]>,
): Promise<void> {
  const topic = `cyberwave/cloud-node/${uuid}/command`;
  return sender.client.publish(topic, command, { properties: { userProperties } });
}

Deno.test("the trace of a sender goes on in the node and in the workload", async () => {
  await using test = await scene({ inference: `${SHOW}; exit 3` });
  const { collector, sender, node: { identity: { uuid, slug } } } = test;
  await send(sender, uuid, { command: "inference", request_id: "r1" }, SENDER);
  assertEquals((await sender.reply("r1")).status, "error");
  const spans = await collector.trace("inference");
  assertEquals(Object.keys(spans).sort(), [
    "inference",
    "inference queue",
    "inference reply",
    "inference run",
  ]);
  const root = spans["inference"]!;
  assertEquals([root.traceId, root.parentSpanId, root.traceState], [TRACE, SPAN, "vendor=1"]);
  assertEquals(root.events?.map(({ name }) => name), ["received", "started", "ended", "replied"]);
  assertEquals(root.status, { code: 2, message: "exit code 3" });
  const { "cyberwave.command.id": id, ...attributes } = attributesOf(root);
  assertMatch(id!, /^[0-9a-z]{26}$/);
  assertEquals(attributes, {
    "messaging.system": "mqtt",
    "messaging.operation.type": "process",
    "cyberwave.command.kind": "inference",
    "cyberwave.slug": slug,
    "cyberwave.instance.uuid": uuid,
    "cyberwave.request.id": "r1",
    "cyberwave.command.end": "exited",
    "process.exit.code": "3",
    "error.type": "exited",
  });
  for (const name of ["queue", "run", "reply"]) {
    assertEquals(spans[`inference ${name}`]!.parentSpanId, root.spanId);
  }
});

Deno.test("a workload finds the span of its run, which is there in the end", async () => {
  await using test = await scene({ inference: SHOW });
  const { collector, sender, node: { identity } } = test;
  await send(sender, identity.uuid, { command: "inference", request_id: "r1" }, SENDER);
  const { output } = await sender.reply("r1");
  const run = (await collector.trace("inference"))["inference run"]!;
  assertEquals(output, `00-${TRACE}-${run.spanId}-01 vendor=1\n`);
});

Deno.test("without a sender's trace, or with one that makes no sense, a command begins its own", async () => {
  await using test = await scene({ inference: SHOW });
  const { collector, sender, node: { identity: { uuid } } } = test;
  const traceparent = "00-'$(reboot)'-01";
  const properties: Record<string, string | string[]>[] = [{ other: "x" }, { traceparent }, {
    traceparent: [SENDER.traceparent, traceparent],
  }];
  const traces = new Set<string>();
  for (const [index, userProperties] of properties.entries()) {
    const request_id = `r${index}`;
    await send(sender, uuid, { command: "inference", request_id }, userProperties);
    const { output } = await sender.reply(request_id);
    const root = await collector.spans.next(({ name }) => name === "inference");
    assertEquals(root.parentSpanId, undefined);
    assertEquals(output?.split("-")[1], root.traceId);
    traces.add(root.traceId);
  }
  assertEquals(traces.size, 3);
});

Deno.test("a sender that does not record its trace gets none, and the workload is told", async () => {
  await using test = await scene({ inference: SHOW });
  const { collector, sender, node: { identity: { uuid } } } = test;
  const traceparent = `00-${TRACE}-${SPAN}-00`;
  await send(sender, uuid, { command: "inference", request_id: "r1" }, { traceparent });
  assertMatch((await sender.reply("r1")).output!, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00 \n$`));
  await sender.ask({ command: "inference", request_id: "r2" });
  const root = await collector.spans.next(({ name }) => name === "inference");
  assertEquals(attributesOf(root)["cyberwave.request.id"], "r2");
});

Deno.test("without an endpoint there are no traces, whatever the sender says", async () => {
  await using test = await scene({ inference: "env | grep -c ^TRACE || true" }, () => ({}));
  const { collector, sender, node: { identity } } = test;
  await send(sender, identity.uuid, { command: "inference", request_id: "r1" }, SENDER);
  assertEquals((await sender.reply("r1")).output, "0\n");
  assertEquals(collector.exports.all, []);
});

Deno.test("a command whose reply is sent again has one trace", async () => {
  await using test = await scene({ inference: SHOW });
  const { collector, sender } = test;
  const command = { command: "inference", request_id: "r1" };
  await sender.ask(command);
  await collector.trace("inference");
  await sender.ask(command);
  await sender.ask({ command: "inference", request_id: "r2" });
  await collector.trace("inference");
  const roots = collector.spans.all.filter(({ name }) => name === "inference");
  assertEquals(roots.map((root) => attributesOf(root)["cyberwave.request.id"]), ["r1", "r2"]);
});

Deno.test("a command that came over HTTP is one trace as well, from the headers of its request", async () => {
  await using collector = new Collector();
  const env = { ...Deno.env.toObject(), ...collector.env };
  await using node = await HttpNode.start({ inference: SHOW }, { env });
  const command = JSON.stringify({ command: "inference", request_id: "r1" });
  const { body } = await node.post("/api/v1/commands", command, { ...SENDER, prefer: "wait=30" });
  const root = await collector.spans.next(({ name }) => name === "inference");
  assertEquals([root.traceId, root.parentSpanId], [TRACE, SPAN]);
  assertMatch(JSON.parse(body).reply.output, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01 vendor=1`));
  assertEquals(attributesOf(root)["messaging.system"], undefined);
});

Deno.test("what a collector gets holds neither params nor output nor a token", async () => {
  await using test = await scene({ inference: "echo printed; cat >&2 params.json; exit 1" });
  const { world, collector, sender, node: { identity } } = test;
  await world.answerOverMqtt();
  const workload = world.backend.createWorkload(identity.uuid);
  const params = {
    workload_uuid: workload.uuid,
    cyberwave_workload_token: "token-of-the-workload",
    prompt: "a private prompt",
  };
  await sender.send({ command: "inference", request_id: "r1 token-of-the-workload", params });
  const root = await collector.spans.next(({ name }) => name === "inference");
  assertEquals(attributesOf(root)["cyberwave.workload.uuid"], workload.uuid);
  const sent = JSON.stringify(
    collector.exports.all.map(({ body, headers }) => [body, [...headers]]),
  );
  for (const secret of ["private", "printed", "token-of-the-workload", world.backend.token]) {
    assert(!sent.includes(secret), secret);
  }
});

Deno.test("the trace of a command goes on where the node was killed, with all of its spans", async () => {
  await using collector = new Collector();
  await using world = await World.start();
  const gate = await Gate.in(world.folder);
  const options = {
    yaml: { inference: `echo "$TRACEPARENT" >trace; ${gate.template}` },
    env: collector.env,
  };
  await using node = await NodeProcess.start(world, options);
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity!);
  await send(sender, identity!.uuid, { command: "inference", request_id: "r1" }, SENDER);
  await node.logged("at the gate");
  await node.kill("SIGKILL");
  const betweenNs = BigInt(Date.now()) * 1_000_000n;
  await using _next = await NodeProcess.start(world, options);
  await gate.open("you");
  await sender.reply("r1");
  const spans = await collector.trace("inference");
  assertEquals(Object.keys(spans).length, 4);
  const [root, run] = [spans["inference"]!, spans["inference run"]!];
  assertEquals([root.traceId, root.parentSpanId], [TRACE, SPAN]);
  const seen = (await Deno.readTextFile(`${world.folder}/trace`)).trim();
  assertEquals(seen, `00-${TRACE}-${run.spanId}-01`);
  assert(BigInt(run.startTimeUnixNano) < betweenNs && BigInt(run.endTimeUnixNano) > betweenNs);
});

Deno.test("a collector that takes requests and never answers does not keep a node from stopping", async () => {
  await using collector = new Collector();
  const released = Promise.withResolvers<Response>();
  collector.answer = () => released.promise;
  await using world = await World.start();
  await using node = await NodeProcess.start(world, {
    yaml: { inference: "true" },
    env: collector.env,
  });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity!);
  await sender.ask({ command: "inference", request_id: "r1" });
  await collector.exports.next();
  // The collector holds on for longer than anybody here waits.
  const { code } = await inTime(node.kill("SIGTERM"), "the end of the node");
  assertEquals(code, 0);
  released.resolve(new Response());
});

Deno.test("Deno's own exports have no signed URL in them, and no line of the log", async () => {
  await using collector = new Collector();
  await using world = await World.start();
  await world.answerOverMqtt();
  const resultsFolder = `${world.folder}/results`;
  await Deno.mkdir(resultsFolder);
  await using node = await NodeProcess.start(world, {
    yaml: {
      inference: 'echo printed; echo result >"$CYBERWAVE_RESULTS_FOLDER/out.txt"',
      results_folder: resultsFolder,
    },
    env: { ...collector.env, OTEL_DENO: "true", OTEL_EXPORTER_OTLP_TIMEOUT: "2000" },
  });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity!);
  const workload = world.backend.createWorkload(identity!.uuid);
  const params = { workload_uuid: workload.uuid };
  await sender.send({ command: "inference", request_id: "r1", params });
  await becomes(world, workload, "completed");
  await node.kill("SIGTERM");
  assert(collector.exports.all.some(({ body }) => body.includes('"deno"')), "Deno exports");
  const sent = collector.exports.all.map(({ body }) => body).join("\n");
  for (const secret of ["signature", world.backend.token, "printed", "waiting for commands"]) {
    assert(!sent.includes(secret), secret);
  }
});
