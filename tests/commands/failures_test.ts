import * as log from "@std/log";
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Results } from "../../src/commands/uploads.ts";
import { createLogger, LOGGER_NAME } from "../../src/log.ts";
import { FakeClock } from "../support/clock.ts";
import { Commands, NO_RESULTS } from "../support/commands.ts";
import { ScriptedExecutor } from "../support/scripted.ts";

const SECOND = 1_000;

Deno.test("a start that cannot be stored happens when it can, once, and gives its place back meanwhile", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", clock, executor, open: false });
  await test.run("r1");
  {
    using _full = test.diskFull("commands");
    test.parts.runner.open();
    await test.logger.logged("Cannot start inference r1: database or disk is full; retrying");
    assertEquals([executor.executions.all.length, executor.reserved], [0, 0]);
  }
  await clock.sleepingFor(2 * SECOND);
  await clock.advance(2 * SECOND);
  (await executor.executions.next()).end();
  assertEquals((await test.reply("r1")).status, "ok");
  assertEquals(executor.executions.all.length, 1);
});

Deno.test("what cannot be started for now can be cancelled, and then never starts", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", clock, executor, open: false });
  await test.run("r1");
  {
    using _full = test.diskFull("commands");
    test.parts.runner.open();
    await test.logger.logged("Cannot start inference r1");
  }
  assertEquals((await test.cancel("r1")).status, "ok");
  await clock.advance(2 * SECOND);
  assertEquals((await test.reply("r1")).error, "Command was cancelled by SIGTERM");
  assertEquals([executor.executions.all, test.parts.queue.isEmpty], [[], true]);
});

Deno.test("params that can never be started are answered, and hold nobody up", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor, open: false });
  await test.run("r1");
  await test.run("r2");
  const [{ id }] = test.journal.unfinished();
  // As an older version may have accepted them.
  const params = JSON.stringify({ image_bytes_base64: "no image" });
  test.write(`UPDATE commands SET params = '${params}' WHERE id = '${id}'`);
  test.parts.runner.open();
  assertStringIncludes((await test.reply("r1")).error!, "Workload could not be started: ");
  (await executor.executions.next()).end();
  assertEquals((await test.reply("r2")).status, "ok");
});

Deno.test("a process that cannot be stored is stored, and reported as running, when it can", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  executor.begins = false;
  await using test = await Commands.start({ inference: "a", clock, executor });
  await test.run("r1", { workload_uuid: "w-1" });
  const execution = await executor.executions.next();
  {
    using _full = test.diskFull("commands");
    execution.begin();
    await test.logger.logged("Cannot store the start of inference r1: database or disk is full");
    assertEquals(test.statusNames(), []);
  }
  await clock.advance(30 * SECOND);
  await test.becomes("running");
  assertEquals(test.journal.unfinished()[0].handle?.process?.pid, execution.pid);
  execution.end();
  await test.reply("r1");
});

Deno.test("a command that ends before its start could be stored is answered all the same", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  executor.begins = false;
  await using test = await Commands.start({ inference: "a", clock, executor });
  await test.run("r1");
  const execution = await executor.executions.next();
  {
    using _full = test.diskFull("commands");
    execution.begin();
    await test.logger.logged("Cannot store the start of inference r1");
  }
  execution.end(undefined, "done");
  assertEquals((await test.reply("r1")).output, "done");
});

Deno.test("an end that cannot be stored is stored and answered when it can, once", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", clock, executor });
  await test.run("r1");
  {
    using _full = test.diskFull("outbox");
    (await executor.executions.next()).end(undefined, "done");
    const line = await test.logger.logged("Cannot store the end of inference r1");
    assertStringIncludes(line, "database or disk is full; retrying");
    assertEquals([test.replies.all, test.parts.runner.runs().length], [[], 1]);
  }
  await clock.advance(30 * SECOND);
  assertEquals((await test.reply("r1")).output, "done");
  await test.idle();
  assertEquals(test.replies.all.length, 1);
});

Deno.test("what ended and could not be answered before the node stopped is answered by the next", async () => {
  const options = () => ({ inference: "a", executor: new ScriptedExecutor() });
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ ...options(), executor });
  await test.run("r1");
  {
    using _full = test.diskFull("outbox");
    (await executor.executions.next()).end(undefined, "done");
    await test.logger.logged("Cannot store the end of inference r1");
    await test.stop();
  }
  const next = new ScriptedExecutor();
  next.recovered = () => Promise.resolve({ type: "ended", exit: { type: "exited", code: 0 } });
  await test.begin({ ...options(), executor: next });
  assertEquals((await test.reply("r1")).output, "done");
  assertEquals(next.executions.all, []);
});

Deno.test("a table that cannot be read rejects what comes, and keeps no promise without an owner", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", clock, executor });
  await test.run("r1");
  const execution = await executor.executions.next();
  {
    using _unreadable = test.unreadable("commands");
    const params = { workload_request_id: "r1" };
    const sent = await Promise.allSettled([
      test.run("r2"),
      test.send({ command: "cancel", request_id: "x", params }),
    ]);
    // What is stopped is stopped, also when that cannot be stored.
    assertEquals(sent.map(({ status }) => status), ["rejected", "fulfilled"]);
    await execution.signals.next();
    execution.end(undefined, "done");
    await test.logger.logged("Cannot store the end of inference r1: no such table");
  }
  await clock.advance(30 * SECOND);
  assertEquals((await test.reply("r1")).error, "Command was cancelled by SIGTERM");
});

const BROKEN: readonly [what: string, results: Partial<Results>, breaks: boolean][] = [
  ["the look for finished results", { watch: () => Promise.reject(new Error("EIO")) }, false],
  ["the start", {}, true],
];

for (const [what, results, breaks] of BROKEN) {
  Deno.test(`a command is answered although ${what} fails beside it`, async () => {
    const executor = new ScriptedExecutor();
    executor.begins = false;
    await using test = await Commands.start({
      inference: "a",
      executor,
      results: { ...NO_RESULTS, ...results },
    });
    await test.run("r1", { workload_uuid: "w-1" });
    const execution = await executor.executions.next();
    if (breaks) execution.breakStart(new Error("EIO"));
    await test.logger.logged("A task failed unexpectedly: EIO");
    execution.end(undefined, "done");
    assertEquals((await test.reply("r1")).output, "done");
  });
}

Deno.test("a command whose results cannot be taken is answered with how it ended, and the next runs", async () => {
  const executor = new ScriptedExecutor();
  const results = { ...NO_RESULTS, take: () => Promise.reject(new Error("EIO")) };
  await using test = await Commands.start({ inference: "a", executor, results });
  await test.run("r1", { workload_uuid: "w-1" });
  await test.run("r2");
  (await executor.executions.next()).end();
  const error = "The workload succeeded, but what it left cannot be read: EIO";
  assertEquals((await test.reply("r1")).error, error);
  await test.becomes("running");
  assertEquals(test.statuses().at(-1), {
    status: "completed",
    success: false,
    exit_code: 0,
    error,
  });
  (await executor.executions.next()).end();
  assertEquals((await test.reply("r2")).status, "ok");
});

for (
  const [what, listener] of [
    ["throws", () => {
      throw new Error("not today");
    }],
    ["rejects", () => Promise.reject(new Error("not today"))],
  ] as const
) {
  Deno.test(`a listener that ${what} at each event is in the log, and changes nothing`, async () => {
    const executor = new ScriptedExecutor();
    await using test = await Commands.start({ inference: "a", executor });
    for (const name of ["accepted", "started", "ended"] as const) test.events.on(name, listener);
    await Promise.all([test.run("r1"), test.run("r2")]);
    for (const id of ["r1", "r2"]) {
      (await executor.executions.next()).end(undefined, id);
      assertEquals((await test.reply(id)).output, id);
    }
    await test.idle();
    assertEquals([test.replies.all.length, executor.executions.all.length], [2, 2]);
    for (const name of ["accepted", "started", "ended"]) {
      await test.logger.logged(`A listener to ${name} events failed: not today`);
    }
  });
}

Deno.test("a log handler of the host program that throws changes nothing", async () => {
  class Throwing extends log.BaseHandler {
    override log(): void {
      throw new Error("not today");
    }
  }
  log.setup({
    handlers: { throwing: new Throwing("DEBUG") },
    loggers: { [LOGGER_NAME]: { level: "DEBUG", handlers: ["throwing"] } },
  });
  try {
    const executor = new ScriptedExecutor();
    const logger = createLogger("commands");
    await using test = await Commands.start({ inference: "a", executor, logger });
    await Promise.all([test.run("r1"), test.run("r2"), test.run("r1")]);
    for (const id of ["r1", "r2"]) {
      (await executor.executions.next()).end({ type: "exited", code: 1 }, "", id);
      assertEquals((await test.reply(id)).error, id);
    }
    await test.idle();
    assertEquals([test.replies.all.length, executor.executions.all.length], [2, 2]);
  } finally {
    log.setup({});
  }
});
