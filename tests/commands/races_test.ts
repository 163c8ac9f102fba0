import { assertEquals } from "@std/assert";
import { FakeClock } from "../support/clock.ts";
import { Commands } from "../support/commands.ts";
import { ScriptedExecutor } from "../support/scripted.ts";

const CANCELLED = "Command was cancelled by SIGTERM";

Deno.test("a command cancelled while its start is being stored never starts", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor, open: false });
  await test.run("r1");
  test.parts.runner.open();
  const run = test.runOf("r1")!;
  assertEquals(await test.parts.runner.cancel(run.command, "SIGTERM", "cancelled"), true);
  assertEquals((await test.reply("r1")).error, CANCELLED);
  assertEquals([executor.executions.all, executor.reserved], [[], 0]);
});

Deno.test("a command cancelled before its process is known is sent the signal once", async () => {
  const executor = new ScriptedExecutor();
  executor.begins = false;
  await using test = await Commands.start({ inference: "a", executor });
  await test.run("r1");
  const execution = await executor.executions.next();
  assertEquals((await test.cancel("r1")).status, "ok");
  await execution.signals.next();
  execution.end({ type: "exited", code: 143 });
  assertEquals((await test.reply("r1")).error, CANCELLED);
  assertEquals(execution.signals.all, ["SIGTERM"]);
});

Deno.test("a cancel that comes in the same turn as its command finds it, waiting", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor, open: false });
  const [, cancel] = await Promise.all([test.run("r1"), test.cancel("r1")]);
  assertEquals(cancel.status, "ok");
  assertEquals((await test.reply("r1")).error, CANCELLED);
  assertEquals(executor.executions.all, []);
});

Deno.test("a cancel that comes in the same turn as its command finds it, started", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor });
  const [, cancel] = await Promise.all([test.run("r1"), test.cancel("r1")]);
  assertEquals(cancel.status, "ok");
  const execution = await executor.executions.next();
  assertEquals(await execution.signals.next(), "SIGTERM");
  execution.end({ type: "exited", code: 143 });
  assertEquals((await test.reply("r1")).error, CANCELLED);
});

Deno.test("a waiting command whose cancel was answered never runs, however the node ends then", async () => {
  const options = () => ({ inference: "a", executor: new ScriptedExecutor() });
  await using test = await Commands.start({ ...options(), open: false });
  await test.run("r1", { workload_uuid: "w-1" });
  const [command] = test.parts.queue.waiting();
  {
    // The end cannot be stored, nor the reply.
    using _full = test.diskFull("outbox");
    assertEquals(await test.parts.runner.cancel(command, "SIGTERM", "cancelled"), true);
    await test.logger.logged("Cannot store the end of inference r1");
    await test.stop();
  }
  const next = options();
  await test.begin(next);
  assertEquals((await test.reply("r1")).error, CANCELLED);
  assertEquals([next.executor.executions.all, test.statusNames()], [[], ["cancelled"]]);
});

Deno.test("what has ended is not cancelled, also while its end is being stored", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor, clock });
  await test.run("r1");
  const execution = await executor.executions.next();
  {
    using _full = test.diskFull("outbox");
    execution.end(undefined, "done");
    await test.logger.logged("Cannot store the end of inference r1");
  }
  const { error } = await test.cancel("r1");
  assertEquals(error, "No active workload found with request_id r1");
  await clock.advance(30_000);
  assertEquals((await test.reply("r1")).output, "done");
  assertEquals(execution.signals.all, []);
});

Deno.test("a node that stops while a start is being stored leaves it to the next, which runs it once", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor, open: false });
  await test.run("r1");
  test.parts.runner.open();
  assertEquals(test.runOf("r1")?.execution, undefined);
  await test.stop();
  assertEquals([executor.executions.all, executor.reserved], [[], 0]);
  const next = new ScriptedExecutor();
  next.recovered = () => Promise.reject(new Error("nothing was started"));
  await test.begin({ inference: "a", executor: next });
  (await next.executions.next()).end(undefined, "done");
  assertEquals((await test.reply("r1")).output, "done");
});

Deno.test("a node that stops starts nothing that waits, and lets what runs go on", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor });
  for (const id of ["r1", "r2"]) await test.run(id);
  const execution = await executor.executions.next();
  await test.stop();
  execution.end();
  assertEquals([execution.isDetached, execution.signals.all], [true, []]);
  assertEquals([executor.executions.all.length, test.replies.all], [1, []]);
});

Deno.test("the folder of a command is there before its start is stored: one that is missing was removed", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor, open: false });
  await test.run("r1");
  test.parts.runner.open();
  const [{ id, state }] = test.journal.unfinished();
  assertEquals(state, "queued");
  assertEquals(Deno.statSync(`${test.workloadsFolder}/${id}`).mode! & 0o777, 0o700);
});

Deno.test("a command starts when its executor has room again", async () => {
  const executor = new ScriptedExecutor();
  executor.room = 1;
  await using test = await Commands.start({
    inference: "a",
    training: "b",
    executor,
    concurrency: { inference: 5, training: 5, simulate: 1 },
  });
  await test.run("r1");
  await test.run("r2", {}, "training");
  const first = await executor.executions.next();
  assertEquals([executor.executions.all.length, test.parts.queue.waiting().length], [1, 1]);
  first.end();
  (await executor.executions.next()).end();
  for (const id of ["r1", "r2"]) assertEquals((await test.reply(id)).status, "ok");
});

Deno.test("what is not stored in the end is started by nobody, whatever makes room meanwhile", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({
    inference: "a",
    executor,
    clock,
    open: false,
    concurrency: { inference: 5, training: 1, simulate: 1 },
  });
  await test.run("r1");
  test.parts.runner.open();
  // The start of r1 and the acceptance of r2 fail in one transaction; the place of r1 makes room.
  {
    using _full = test.diskFull("commands");
    const [result] = await Promise.allSettled([test.run("r2")]);
    assertEquals(result.status, "rejected");
  }
  await clock.sleepingFor(2_000);
  await clock.advance(2_000);
  (await executor.executions.next()).end();
  assertEquals((await test.reply("r1")).status, "ok");
  assertEquals([executor.executions.all.length, test.parts.queue.isEmpty], [1, true]);
});

Deno.test("a command whose turn it is starts in the transaction that accepts it", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor });
  const before = test.transactions();
  await test.run("r1");
  assertEquals(test.transactions() - before, 1);
  assertEquals(test.journal.unfinished()[0].state, "running");
  assertEquals(executor.executions.all.length, 1);
});

Deno.test("a command that cannot be accepted does not start, and runs once when it comes again", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor, clock });
  {
    using _full = test.diskFull("commands");
    const [result] = await Promise.allSettled([test.run("r1")]);
    assertEquals(result.status, "rejected");
  }
  assertEquals([executor.executions.all, executor.reserved], [[], 0]);
  assertEquals([test.parts.runner.runs(), test.parts.queue.isEmpty], [[], true]);
  await test.run("r1");
  (await executor.executions.next()).end();
  assertEquals((await test.reply("r1")).status, "ok");
  await clock.advance(60_000);
  assertEquals([executor.executions.all.length, test.replies.all.length], [1, 1]);
});

Deno.test("a command that nothing can run is not answered unless it is accepted", async () => {
  const executor = new ScriptedExecutor();
  executor.reserve = () => ({ problem: "it is broken" });
  await using test = await Commands.start({ inference: "a", executor });
  {
    using _full = test.diskFull("commands");
    const [result] = await Promise.allSettled([test.run("r1")]);
    assertEquals(result.status, "rejected");
  }
  await test.run("r1");
  assertEquals((await test.reply("r1")).error, "it is broken");
  await test.idle();
  assertEquals(test.replies.all.length, 1);
});
