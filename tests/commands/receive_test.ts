import { assertEquals, assertStringIncludes } from "@std/assert";
import { Commands, type CommandsOptions, type SentReply } from "../support/commands.ts";
import { ScriptedExecutor } from "../support/scripted.ts";

const TOPIC = "commands/\u001bu-1";

/** A node whose commands end when the test says so. */
function start(options: CommandsOptions = {}): Promise<Commands> {
  return Commands.start({ executor: new ScriptedExecutor(), ...options });
}

/** What was answered so far: the request id, and what the reply says. */
function answers(test: Commands): unknown[] {
  return test.replies.all.map(({ request_id, output, error }: SentReply) => [
    request_id,
    output ?? error,
  ]);
}

Deno.test("commands for workloads are accepted under their kind, with their params as they were written", async () => {
  const templates = { inference: "a", training: "b", simulate: "c" };
  await using test = await start({ ...templates, open: false });
  for (const command of Object.keys(templates)) {
    await test.send(`{"command":"${command}","request_id":"r1","params":{"2":1.50,"1":[]}}`);
  }
  const accepted = test.journal.unfinished();
  assertEquals(accepted.map(({ kind }) => kind), ["inference", "training", "simulate"]);
  assertEquals(test.journal.params(accepted[0].id), '{"2":1.50,"1":[]}');
  assertEquals(answers(test), []);
});

Deno.test("status is answered at once, with or without a request id", async () => {
  await using test = await start();
  await test.send({ command: "status", request_id: "s1" });
  await test.send({ command: "status" });
  assertEquals(test.replies.all.map(({ request_id }) => request_id), ["s1", null]);
  assertEquals(JSON.parse(test.replies.all[1].output!).slug, "my-node");
});

Deno.test("status is answered while nothing can be stored", async () => {
  await using test = await start();
  using _full = test.diskFull("outbox");
  assertEquals((await test.ask({ command: "status", request_id: "s1" })).status, "ok");
});

Deno.test("an unknown command is answered with its name", async () => {
  await using test = await start();
  for (const command of ["reboot", "Inference", "toString", "a\n\u001b[2J"]) {
    await test.send({ command, request_id: "r1" });
    assertEquals(answers(test).at(-1), ["r1", `Unknown command: ${command}`]);
  }
  assertStringIncludes(test.logger.shown.at(-1)!, '"a\\n\\u001b[2J"');
});

Deno.test("a retained message is ignored with a warning, whatever it is", async () => {
  await using test = await start({ inference: "a" });
  for (const message of [{ command: "inference", request_id: "r1" }, { command: "status" }, "x"]) {
    await test.send(message, { retained: true });
  }
  assertEquals([test.journal.unfinished(), answers(test)], [[], []]);
  assertEquals(test.logger.shown.length, 3);
  assertStringIncludes(test.logger.shown[0], "publish commands without retain");
});

Deno.test("somebody's response is ignored without a word", async () => {
  await using test = await start({ inference: "a" });
  await test.send({ status: "ok", request_id: "r1", command: "inference" });
  assertEquals([test.journal.unfinished(), answers(test), test.logger.shown], [[], [], []]);
});

Deno.test("a malformed message is one warning that names topic and reason", async () => {
  await using test = await start();
  await test.send("hello", { topic: TOPIC });
  assertEquals([answers(test), test.logger.shown.length], [[], 1]);
  const warning = 'warn: Ignored a message on "commands/\\u001bu-1": it is not JSON';
  assertStringIncludes(test.logger.shown[0], warning);
});

Deno.test("a malformed message is answered where its request id can be read", async () => {
  await using test = await start({ inference: "a", maxCommandSize: 1_000 });
  await test.send({ command: "inference", request_id: "r1", params: [] });
  await test.send({ command: "status", request_id: 7 });
  await test.send({ command: "inference", request_id: "r2", params: { x: "x".repeat(1_000) } });
  await test.send('{"request_id": "r3", "command": "inference", "params": {');
  const [params, number, size, syntax] = answers(test) as [string, string][];
  assertEquals(params, [
    "r1",
    'Invalid command: the message has "params" that are an array, not an object',
  ]);
  assertEquals<unknown>(number[0], 7);
  assertStringIncludes(size[1], "more than max_command_size (1000)");
  assertEquals([size[0], syntax[0]], ["r2", "r3"]);
  assertEquals([test.journal.unfinished(), test.logger.shown.length], [[], 4]);
  for (const line of test.logger.shown) assertStringIncludes(line, "warn: Refused a message on");
});

Deno.test("a cancel that makes no sense cancels nothing", async () => {
  await using test = await start({ inference: "a", open: false });
  await test.run("r1");
  const params = { workload_request_id: "r1", signal: "SIGSTOP" };
  await test.send({ command: "cancel", request_id: "x", params });
  await test.send({ command: "cancel", request_id: "y" });
  const [[, signal], [, target]] = answers(test) as string[][];
  assertEquals(signal, "Invalid signal: SIGSTOP. Must be SIGTERM, SIGKILL, or SIGINT");
  assertStringIncludes(target, "Cancel needs params");
  assertEquals(test.parts.queue.waiting().length, 1);
});

Deno.test("a workload token is repeated in no reply, wherever it stands in a command", async () => {
  await using test = await start();
  const token = { cyberwave_workload_token: "wt-0123456789" };
  const commands = [
    { command: "wt-0123456789", params: token },
    { command: "run wt-0123456789", ...token },
    { command: "x wt-0123456789", params: { list: [{ token }] } },
    { command: token },
    { command: "cancel", params: { ...token, signal: "wt-0123456789" } },
    { command: "cancel", params: { ...token, signal: token } },
    {
      command: "workload_received",
      params: { workload_uuid: "w-1", command_type: "wt-0123456789", ...token },
    },
  ];
  for (const [index, command] of commands.entries()) {
    await test.send({ request_id: `r${index}`, ...command });
  }
  assertEquals(answers(test).length - test.statuses().length, commands.length);
  const seen = JSON.stringify(test.replies.all);
  assertEquals(seen.includes("0123456789"), false, seen);
});

Deno.test("what all nodes of a pool get asks for their status, or is ignored", async () => {
  await using test = await Commands.start({ inference: "a", executor: new ScriptedExecutor() });
  const broadcast = { isBroadcast: true, topic: "pool/gpu/status" };
  for (const message of ["{", { command: "drain", request_id: "r1" }, { command: "inference" }]) {
    await test.send(message, broadcast);
    await test.logger.logged('Ignored a message on "pool/gpu/status"');
  }
  assertEquals([test.replies.all, test.parts.acceptor.isDraining], [[], false]);
  await test.send({ command: "status", request_id: "r2" }, broadcast);
  assertEquals((await test.reply("r2")).status, "ok");
});

Deno.test("drain is answered before the node takes no more", async () => {
  await using test = await Commands.start({ inference: "a", executor: new ScriptedExecutor() });
  const reply = await test.ask({ command: "drain", request_id: "r1" });
  assertEquals(reply.output, "The node takes no new commands, and stops when all is done");
  assertEquals(test.parts.acceptor.isDraining, true);
});
