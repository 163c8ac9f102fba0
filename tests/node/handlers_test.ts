import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CloudNode } from "../../src/cloud_node.ts";
import { ConfigError } from "../../src/errors.ts";
import type { HandlerContext } from "../../src/executors/handler/handler.ts";
import type { Handlers } from "../../src/node/handlers.ts";
import { RecordingLogger } from "../support/events.ts";
import { linesOf } from "../support/lines.ts";
import { runPageProgram } from "../support/page_program.ts";
import { LocalNode, type Sender, World } from "../support/world.ts";

/** A node with handlers, and somebody who sends it commands. */
async function scene(handlers: Handlers, settings = {}) {
  await using resources = new AsyncDisposableStack();
  const world = resources.use(await World.start());
  const logger = new RecordingLogger();
  const node = resources.use(await world.runNode(settings, { handlers, logger }));
  const sender = resources.use(await world.sender(node.identity));
  const all = resources.move();
  return { world, node, sender, logger, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Sends a command with params and waits for the reply. */
function ask(sender: Sender, command: string, params: unknown = {}, id?: string) {
  return sender.ask({ command, request_id: id ?? crypto.randomUUID(), params });
}

/** A handler that tells when it runs, and goes on until a test lets it. */
function gated(result: unknown = "done") {
  const [begun, go] = [Promise.withResolvers<HandlerContext>(), Promise.withResolvers<void>()];
  let runs = 0;
  const handler = async (_: unknown, context: HandlerContext) => {
    runs++;
    begun.resolve(context);
    await go.promise;
    return result;
  };
  return { handler, begun: begun.promise, go: go.resolve, runs: () => runs };
}

Deno.test("a handler answers with what it returns: texts as they are, the rest as JSON", async () => {
  await using test = await scene({
    inference: ({ x }) => Promise.resolve({ answer: 2 * x }),
    training: () => "plain text",
    simulate: { run: () => [null, 0.1, "é"] },
  });
  assertEquals((await ask(test.sender, "inference", { x: 21 })).output, '{"answer":42}');
  assertEquals((await ask(test.sender, "training")).output, "plain text");
  assertEquals((await ask(test.sender, "simulate")).output, '[null,0.1,"é"]');
  const status = JSON.parse((await ask(test.sender, "status")).output!);
  assertEquals([status.has_inference, status.has_training, status.has_simulate], [
    true,
    true,
    true,
  ]);
});

Deno.test("a command of the program's own is no unknown command", async () => {
  await using test = await scene({ calibrate: () => ({ offset: 0.2 }) }, { inference: "echo i" });
  assertEquals((await ask(test.sender, "calibrate")).output, '{"offset":0.2}');
  assertEquals((await ask(test.sender, "inference")).output, "i\n");
  assertEquals((await ask(test.sender, "measure")).error, "Unknown command: measure");
  const announced = { workload_uuid: "w-1", command_type: "calibrate", command_params: {} };
  assertEquals((await ask(test.sender, "workload_received", announced)).output, '{"offset":0.2}');
});

const CYCLE: unknown[] = [];
CYCLE.push(CYCLE);

function refuse(): never {
  throw new Error("not for you");
}
const UNREADABLE = new Proxy({}, { get: refuse, getPrototypeOf: refuse });

const FAILURES: readonly [what: string, handler: () => unknown, error: string][] = [
  ["throws", () => {
    throw new Error("no weights");
  }, "no weights"],
  ["rejects", () => Promise.reject(new TypeError("no weights")), "no weights"],
  ["throws a text", () => Promise.reject("no weights"), "no weights"],
  ["returns nothing", () => {}, "The handler returned undefined, which is no JSON value"],
  ["throws an object", () => Promise.reject({ code: 7 }), '{"code":7}'],
  ["throws what is no text", () => Promise.reject(Object.create(null)), "cannot be read"],
  ["throws what throws when it is read", () => Promise.reject(UNREADABLE), "cannot be read"],
  ["throws an error without a usable stack", () => {
    throw Object.defineProperty(new Error("no weights"), "stack", { value: Symbol("none") });
  }, "no weights"],
  ["returns a function", () => () => {}, "The handler returned a value of type Function, which is"],
  ["returns a map", () => new Map([[1, 2]]), "The handler returned a value of type Map, which is"],
  [
    "returns floats",
    () => new Float32Array(2),
    "The handler returned a value of type Float32Array",
  ],
  ["returns a bigint", () => 1n, "The handler returned what is no JSON value: "],
  ["returns a cycle", () => CYCLE, "The handler returned what is no JSON value: "],
];

for (const [what, handler, error] of FAILURES) {
  Deno.test(`a handler that ${what} has failed, with a message`, async () => {
    await using test = await scene({ inference: handler });
    const reply = await ask(test.sender, "inference");
    assertEquals([reply.status, reply.output], ["error", undefined]);
    assertStringIncludes(reply.error!, error);
  });
}

Deno.test("the log of a handler that fails has the cause as well", async () => {
  const handler = () => {
    throw new Error("no weights", { cause: new Error("no network") });
  };
  await using test = await scene({ inference: handler });
  assertEquals((await ask(test.sender, "inference")).error, "no weights");
  await test.logger.logged("[cause]: Error: no network");
});

Deno.test("a handler is told about its command, logs, and says how far it is", async () => {
  let context: HandlerContext | undefined;
  await using test = await scene({
    inference: (params, given) => {
      context = given;
      given.log("loading");
      given.progress({ progress: 1, total: 2, message: "half" });
      given.progress({ progress: -1 });
      return params.image;
    },
  });
  const { node, sender, logger } = test;
  const topic = `cyberwave/cloud-node/${node.identity.uuid}/progress`;
  const progress = await sender.client.collect(topic);
  const png = "iVBORw0KGgo=";
  const reply = await ask(sender, "inference", { image_bytes_base64: png }, "r1");
  assert(reply.output!.endsWith("/image.png"), reply.error);
  assertEquals([context?.command, context?.requestId], ["inference", "r1"]);
  assertEquals(context?.env.CYBERWAVE_REQUEST_ID, "r1");
  assertEquals(progress.all.map(({ text }) => JSON.parse(text)), [
    { request_id: "r1", progress: 1, total: 2, message: "half" },
  ]);
  await logger.logged("] loading");
  await logger.logged("reports invalid progress, which is ignored");
  // What comes too late is nobody's.
  context!.progress({ progress: 2, total: 2 });
  context!.log("late");
});

Deno.test("a repeat of what a handler runs starts nothing, and gets the same reply later", async () => {
  const { handler, begun, go, runs } = gated();
  await using test = await scene({ inference: handler });
  await test.sender.send({ command: "inference", request_id: "r1" });
  await begun;
  await test.sender.send({ command: "inference", request_id: "r1" });
  go();
  assertEquals((await test.sender.reply("r1")).output, "done");
  assertEquals((await ask(test.sender, "inference", {}, "r1")).output, "done");
  assertEquals(runs(), 1);
});

Deno.test("no more handlers run at once than may", async () => {
  const runs: string[] = [];
  const gates = { a: Promise.withResolvers<void>(), b: Promise.withResolvers<void>() };
  const run = async ({ name }: { name: "a" | "b" }) => {
    runs.push(name);
    await gates[name].promise;
    return name;
  };
  await using test = await scene({ calibrate: { run, concurrency: 1, maxQueued: 1 } });
  const { sender, logger } = test;
  for (const name of ["a", "b"]) {
    await sender.send({ command: "calibrate", request_id: name, params: { name } });
  }
  await logger.logged("calibrate b waits for its turn");
  assertStringIncludes((await ask(sender, "calibrate", { name: "c" })).error!, "The queue is full");
  assertEquals(runs, ["a"]);
  gates.a.resolve();
  await sender.reply("a");
  gates.b.resolve();
  assertEquals((await sender.reply("b")).output, "b");
});

for (const cause of ["cancel", "timeout"] as const) {
  Deno.test(`a ${cause} aborts the signal of a handler`, async () => {
    const begun = Promise.withResolvers<void>();
    const run = (_: unknown, { signal }: HandlerContext) => {
      begun.resolve();
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
    };
    const timeout = cause === "timeout" ? 0.001 : undefined;
    await using test = await scene({ inference: { run, timeout } });
    await test.sender.send({ command: "inference", request_id: "r1" });
    await begun.promise;
    if (cause === "cancel") {
      const cancelled = await ask(test.sender, "cancel", { workload_request_id: "r1" });
      assertEquals(JSON.parse(cancelled.output!), {
        message: "Sent SIGTERM to the inference workload",
        pid: null,
        workload_type: "inference",
        workload_request_id: "r1",
        signal: "SIGTERM",
      });
    }
    assertEquals(
      (await test.sender.reply("r1")).error,
      cause === "cancel" ? "Command was cancelled by SIGTERM" : "Command timed out after 0.001 s",
    );
  });
}

Deno.test("a handler that ignores its abort keeps its place, and the reply says so", async () => {
  const { handler: run, begun, go, runs } = gated();
  await using test = await scene({ inference: { run, cancelGrace: 0 } });
  const { sender, logger } = test;
  await sender.send({ command: "inference", request_id: "r1" });
  await begun;
  await ask(sender, "cancel", { workload_request_id: "r1" });
  assertEquals(
    (await sender.reply("r1")).error,
    "Command was cancelled by SIGTERM, but its handler takes no notice and still runs",
  );
  await sender.send({ command: "inference", request_id: "r2" });
  await logger.logged("inference r2 waits for its turn");
  assertEquals(runs(), 1);
  go();
  assertEquals((await sender.reply("r2")).output, "done");
});

Deno.test("a handler goes on while the node is stopped, and the next run answers for it", async () => {
  const { handler, begun, go, runs } = gated();
  await using test = await scene({ inference: handler });
  const { world, node, sender } = test;
  await sender.send({ command: "inference", request_id: "r1" });
  await begun;
  await node.node.stop();
  await test.logger.logged("inference r1 goes on; its files are in ");
  const handlers = { inference: handler };
  await using _next = await LocalNode.start(world.config(), { handlers });
  go();
  assertEquals((await sender.reply("r1")).output, "done");
  assertEquals(runs(), 1);
});

Deno.test("a handler that ends while the node is stopped is answered with its true outcome", async () => {
  for (const result of ["done", 1n]) {
    const { handler, begun, go, runs } = gated(result);
    await using test = await scene({ inference: handler });
    const { world, node, sender } = test;
    await sender.send({ command: "inference", request_id: "r1" });
    await begun;
    await node.node.stop();
    go();
    // Its end is written down in turns that follow.
    await new Promise((resolve) => setTimeout(resolve, 0));
    await using _next = await LocalNode.start(world.config(), { handlers: { inference: handler } });
    const reply = await sender.reply("r1");
    if (result === "done") assertEquals(reply.output, "done");
    else assertStringIncludes(reply.error!, "no JSON value");
    assertEquals(runs(), 1);
  }
});

Deno.test("drain waits for handlers", async () => {
  const { handler, begun, go } = gated();
  await using test = await scene({ inference: handler });
  await test.sender.send({ command: "inference", request_id: "r1" });
  await begun;
  const drained = test.node.node.drain();
  go();
  await drained;
  assertEquals(await test.node.ended, { succeeded: 1, failed: 0 });
});

Deno.test("what a handler leaves in its folder goes to the platform", async () => {
  await using world = await World.start();
  const { uuid } = world.backend.createWorkload(null);
  await using local = await world.runNode({ resultsFolder: `${world.folder}/results` }, {
    handlers: {
      inference: async (_, { folder }) => {
        await Deno.writeTextFile(`${folder}/answer.txt`, "42");
        return null;
      },
    },
  });
  await using sender = await world.sender(local.identity);
  assertEquals((await ask(sender, "inference", { workload_uuid: uuid })).output, "null");
  await world.called(({ path }) => path.endsWith(`${uuid}/upload-results`));
});

Deno.test("a command whose handler the next program does not have is answered", async () => {
  const { handler: run, begun, go } = gated();
  await using test = await scene({ calibrate: { run } });
  const { world, node, sender, logger } = test;
  for (const id of ["r1", "r2"]) await sender.send({ command: "calibrate", request_id: id });
  await begun;
  await logger.logged("calibrate r2 waits for its turn");
  await node.node.stop();
  await using _next = await world.runNode({ inference: "true" });
  go();
  assertEquals((await sender.reply("r1")).output, "done");
  assertEquals(
    (await sender.reply("r2")).error,
    "Calibrate command not configured in cyberwave.yml",
  );
});

const WRONG: readonly [handlers: unknown, problem: string][] = [
  [{ status: () => 1 }, 'handlers has "status", which can name no command'],
  [{ "a/b": () => 1 }, 'handlers has "a/b", which can name no command'],
  [{ calibrate: "echo" }, "handlers.calibrate must be a function, or an object with a function"],
  [{ calibrate: null }, "handlers.calibrate must be a function, or an object with a function"],
  [{ calibrate: { run: () => 1, concurrency: 0 } }, "handlers.calibrate.concurrency must be"],
  [{ inference: () => 1 }, "inference has a handler, and the configuration says what runs it"],
];

Deno.test("handlers that cannot be are refused, all at once", () => {
  for (const [handlers, problem] of WRONG) {
    const make = () =>
      new CloudNode({ config: { inference: "true" }, handlers: handlers as Handlers });
    assertStringIncludes(assertThrows(make, ConfigError).message, problem);
  }
  const handlers = Object.assign({}, ...WRONG.map(([handlers]) => handlers));
  const make = () => new CloudNode({ config: { inference: "true" }, handlers });
  assertEquals(assertThrows(make, ConfigError).message.split("\n").length, 4);
});

const PAGE = await Deno.readTextFile(new URL("../../.github/docs/embedding.md", import.meta.url));

Deno.test("the page on embedding: its handlers answer", async () => {
  const [, sample] = /^## Commands that the program.*?^```ts ignore\n(.*?)^```$/ms.exec(PAGE)!;
  await using world = await World.start();
  await using child = await runPageProgram(world, sample!);
  const lines = linesOf(child.stdout)[Symbol.asyncIterator]();
  assertEquals((await lines.next()).value, "my-robot waits for commands");
  const [uuid] = world.backend.instances.keys();
  await using sender = await world.sender({ uuid: uuid!, slug: "my-robot" });
  const progress = await sender.client.collect(`cyberwave/cloud-node/${uuid}/progress`);
  assertEquals((await ask(sender, "inference", { x: 21 }, "r1")).output, '{"answer":42}');
  assertEquals((await lines.next()).value, "r1 is answered");
  assertEquals((await ask(sender, "calibrate", { steps: 2 }, "r2")).output, '{"offset":0.2}');
  assertEquals((await lines.next()).value, "r2 is answered");
  const { request_id: _, ...last } = JSON.parse(progress.all.at(-1)!.text);
  assertEquals(last, { progress: 2, total: 2 });
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 0);
  await child.stdout.cancel().catch(() => {});
});
