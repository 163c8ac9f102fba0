import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeClock } from "../support/clock.ts";
import { Commands, WAITS } from "../support/commands.ts";
import { isAlive } from "../support/executors.ts";
import { wordFrom } from "../support/files.ts";
import { ScriptedExecutor } from "../support/scripted.ts";

const SECOND = 1_000;

/** Resolves when a process has ended. */
async function untilGone(pid: number): Promise<void> {
  const deadline = AbortSignal.timeout(15_000);
  while (await isAlive(pid)) deadline.throwIfAborted();
}

Deno.test("a command runs and is answered with its output, by the name it was accepted under", async () => {
  await using test = await Commands.start({ inference: "printf %s {body}" });
  const message = { command: "inference", request_id: "r1", params: { x: 1 } };
  const { resources: _, ...reply } = await test.ask(message);
  assertEquals(reply, {
    topic: "replies/u-1",
    status: "ok",
    request_id: "r1",
    slug: "my-node",
    instance_uuid: "u-1",
    output: '{"x":1}',
  });
});

const FAILURES: [template: string, error: string][] = [
  ["echo out; echo why >&2; exit 3", "why\n"],
  ["echo out; exit 3", "Command failed with code 3"],
  ["echo >&2; exit 3", "Command failed with code 3"],
  ["kill -s SEGV $$", "Command failed with code 139"],
];

for (const [template, error] of FAILURES) {
  Deno.test(`a command that fails is answered with the reason: ${template}`, async () => {
    await using test = await Commands.start({ inference: template });
    const reply = await test.ask({ command: "inference", request_id: "r1" });
    assertEquals([reply.status, reply.error, reply.output], ["error", error, undefined]);
  });
}

Deno.test("output over the limit keeps its head and its tail, and says so", async () => {
  await using test = await Commands.start({
    inference: "printf HEAD; head -c 100000 /dev/zero | tr '\\0' -; printf TAIL",
    maxOutput: 1_000,
  });
  const reply = await test.ask({ command: "inference", request_id: "r1" });
  assertEquals(reply.output_truncated, true);
  assert(/^HEAD-+\n\[\.\.\. 99008 bytes cut out \.\.\.\]\n-+TAIL$/.test(reply.output!));
});

Deno.test("a repeat of what runs starts nothing and is answered once; a later one gets the stored reply", async () => {
  await using test = await Commands.start({ inference: WAITS });
  await test.run("r1");
  await test.written("began");
  await test.run("r1");
  await test.logger.logged("was sent again while it is running: ignored");
  await test.letGo();
  const reply = await test.reply("r1");
  await test.idle();
  assertEquals(test.replies.all.length, 1);

  await test.run("r1", { other: "params" });
  assertEquals(await test.reply("r1"), reply);
  await test.logger.logged("sending its stored reply");
  assertEquals(test.read("began"), "r1\n");
});

Deno.test("a repeat of what waits starts nothing", async () => {
  await using test = await Commands.start({ inference: WAITS, open: false });
  await test.run("r1");
  await test.run("r1");
  await test.logger.logged("was sent again while it is queued: ignored");
  assertEquals(test.parts.queue.waiting().length, 1);
});

Deno.test("the same request id with another command is another request", async () => {
  await using test = await Commands.start({ inference: "echo i", training: "echo t" });
  await test.run("r1");
  await test.run("r1", {}, "training");
  const outputs = [await test.reply("r1"), await test.reply("r1")].map(({ output }) => output);
  assertEquals(outputs.sort(), ["i\n", "t\n"]);
});

Deno.test("commands without request id are all run", async () => {
  await using test = await Commands.start({ inference: "echo x >>ran" });
  await test.send({ command: "inference" });
  await test.send({ command: "inference", request_id: null });
  for (let i = 0; i < 2; i++) assertEquals((await test.replies.next()).request_id, null);
  assertEquals(test.read("ran"), "x\nx\n");
});

Deno.test("a request id is forgotten after the dedupe window, and never while a window of 0", async () => {
  const clock = new FakeClock();
  await using test = await Commands.start({ inference: "echo x >>ran", dedupeWindow: 60, clock });
  await test.run("r1");
  await test.reply("r1");
  await clock.advance(60 * SECOND);
  await test.run("r1");
  await test.reply("r1");
  assertEquals(test.read("ran"), "x\n");
  await clock.advance(SECOND);
  await test.run("r1");
  await test.reply("r1");
  assertEquals(test.read("ran"), "x\nx\n");

  await test.restart({ inference: "echo x >>ran", dedupeWindow: 0, clock });
  await test.run("r1");
  await test.reply("r1");
  assertEquals(test.read("ran"), "x\nx\nx\n");
});

Deno.test("a clock that jumps backwards runs nothing twice", async () => {
  await using test = await Commands.start({ inference: "echo x >>ran", clock: new FakeClock() });
  await test.run("r1");
  await test.reply("r1");
  const clock = new FakeClock(Date.parse("2001-01-01T00:00:00Z"));
  await test.restart({ inference: "echo x >>ran", clock });
  await test.run("r1");
  await test.reply("r1");
  assertEquals(test.read("ran"), "x\n");
});

Deno.test("what is over the concurrency waits, and is run in the order of its arrival", async () => {
  await using test = await Commands.start({ inference: WAITS });
  for (const id of ["r1", "r2", "r3"]) await test.run(id);
  await test.written("began");
  assertEquals([test.parts.runner.runs().length, test.parts.queue.waiting().length], [1, 2]);
  for (const id of ["r1", "r2", "r3"]) {
    await test.letGo(id);
    assertEquals((await test.reply(id)).output, `${id}\n`);
  }
  await test.idle();
  assertEquals(test.read("began"), "r1\nr2\nr3\n");
});

Deno.test("as many run at a time as the concurrency of their kind", async () => {
  await using test = await Commands.start({
    inference: "echo x >>began; read line <go",
    concurrency: { inference: 3, training: 1, simulate: 1 },
  });
  for (const id of ["r1", "r2", "r3", "r4"]) await test.run(id);
  while (test.parts.runner.runs().length < 3) await test.logger.logged("started as process");
  assertEquals(test.parts.queue.waiting().length, 1);
});

Deno.test("inference never waits behind training, nor status behind either", async () => {
  await using test = await Commands.start({ inference: "echo fast", training: WAITS });
  for (const id of ["t1", "t2"]) await test.run(id, {}, "training");
  await test.written("began");
  assertEquals((await test.ask({ command: "inference", request_id: "r1" })).output, "fast\n");
  assertEquals((await test.ask({ command: "status", request_id: "s1" })).status, "ok");
  assertEquals(test.read("began"), "t1\n");
});

Deno.test("above the queue a command is refused at once, and accepted once there is room", async () => {
  await using test = await Commands.start({
    inference: WAITS,
    maxQueued: { inference: 1, training: 0, simulate: 0 },
  });
  for (const id of ["r1", "r2"]) await test.run(id);
  await test.written("began");
  const { error } = await test.ask({ command: "inference", request_id: "r3" });
  assertEquals(error, "The queue is full: 1 of 1 running, 1 queued");
  await test.letGo();
  await test.reply("r1");
  await test.run("r3");
  assertEquals(test.parts.queue.waiting().length, 1);
});

Deno.test("work that the platform follows is refused as busy rather than queued", async () => {
  await using test = await Commands.start({ inference: WAITS });
  await test.run("r1", { workload_uuid: "w-1" });
  await test.written("began");
  const params = { workload_uuid: "w-2" };
  const { error } = await test.ask({ command: "inference", request_id: "r2", params });
  assertEquals(error, "Busy: 1 of 1 running, 0 queued");
  await test.run("r3", { workload_uuid: null });
  assertEquals(test.parts.queue.waiting().length, 1, "null is no workload that anybody follows");
});

Deno.test("kinds without a template are refused by name, without being remembered", async () => {
  await using test = await Commands.start({});
  for (const kind of ["Inference", "Training", "Simulate"]) {
    const { error } = await test.ask({ command: kind.toLowerCase(), request_id: kind });
    assertEquals(error, `${kind} command not configured in cyberwave.yml`);
  }
  assertEquals(test.journal.unfinished(), []);
});

Deno.test("a node that drains takes nothing new, but still answers status and repeats", async () => {
  await using test = await Commands.start({ inference: "echo done" });
  const reply = await test.ask({ command: "inference", request_id: "r1" });
  test.parts.acceptor.drain();
  const { error } = await test.ask({ command: "inference", request_id: "r2" });
  assertEquals(error, "The node is draining and takes no new commands");
  assertEquals(await test.ask({ command: "inference", request_id: "r1" }), reply);
  assertEquals((await test.ask({ command: "status", request_id: "s" })).status, "ok");
});

Deno.test("a running command is cancelled by its request id, and both requests are answered", async () => {
  await using test = await Commands.start({ inference: "echo $$ >pid; exec tail -f /dev/null" });
  await test.run("r1");
  const workload = Number(await test.written("pid"));
  const pid = await test.pidOf("r1");
  const cancel = await test.ask({
    command: "cancel",
    request_id: "x1",
    params: { workload_request_id: "r1", signal: "SIGINT" },
  });
  assertEquals(JSON.parse(cancel.output!), {
    message: `Sent SIGINT to the inference workload with PID ${pid}`,
    pid,
    workload_type: "inference",
    workload_request_id: "r1",
    signal: "SIGINT",
  });
  assertEquals((await test.reply("r1")).error, "Command was cancelled by SIGINT");
  assertEquals(await isAlive(workload), false);
});

Deno.test("a running command is cancelled by the pid that status tells", async () => {
  await using test = await Commands.start({ training: "echo $$ >pid; exec tail -f /dev/null" });
  await test.run("t1", {}, "training");
  await test.written("pid");
  const status = await test.ask({ command: "status", request_id: "s" });
  const [{ pid, type }] = JSON.parse(status.output!).active_workloads;
  assertEquals(type, "training");
  const cancel = await test.ask({ command: "cancel", request_id: "x", params: { pid } });
  assertEquals(JSON.parse(cancel.output!).pid, pid);
  assertEquals((await test.reply("t1")).error, "Command was cancelled by SIGTERM");
});

Deno.test("a command that minds no SIGTERM is cancelled by a second request, with SIGKILL", async () => {
  await using test = await Commands.start({
    inference: `trap '' TERM; echo $$ >pid; while :; do tail -f /dev/null & wait; done`,
  });
  await test.run("r1");
  await test.written("pid");
  const params = { workload_request_id: "r1" };
  await test.ask({ command: "cancel", request_id: "x1", params });
  await test.ask({ command: "cancel", request_id: "x2", params: { ...params, signal: "SIGKILL" } });
  assertEquals((await test.reply("r1")).error, "Command was cancelled by SIGKILL");
});

Deno.test("a request with SIGTERM after one with SIGKILL changes nothing of what ended the command", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor });
  await test.run("r1");
  const execution = await executor.executions.next();
  const params = { workload_request_id: "r1" };
  await test.ask({ command: "cancel", request_id: "x1", params: { ...params, signal: "SIGKILL" } });
  await test.ask({ command: "cancel", request_id: "x2", params });
  execution.end({ type: "exited", code: 137 });
  assertEquals((await test.reply("r1")).error, "Command was cancelled by SIGKILL");
  assertEquals(execution.signals.all, ["SIGKILL", "SIGKILL"]);
});

Deno.test("a waiting command is cancelled without ever having run", async () => {
  await using test = await Commands.start({ inference: WAITS });
  for (const id of ["r1", "r2", "r3"]) await test.run(id);
  await test.written("began");
  const params = { workload_request_id: "r2" };
  const cancel = await test.ask({ command: "cancel", request_id: "x", params });
  assertEquals(JSON.parse(cancel.output!), {
    message: "Took the waiting inference command out of the queue",
    pid: null,
    workload_type: "inference",
    workload_request_id: "r2",
    signal: "SIGTERM",
  });
  assertEquals((await test.reply("r2")).error, "Command was cancelled by SIGTERM");
  for (const id of ["r1", "r3"]) {
    await test.letGo();
    await test.reply(id);
  }
  assertEquals(test.read("began"), "r1\nr3\n");
});

Deno.test("nothing is cancelled that has ended, or that never was", async () => {
  await using test = await Commands.start({ inference: "true" });
  await test.ask({ command: "inference", request_id: "r1" });
  await test.idle();
  const missing: [params: Record<string, unknown>, error: string][] = [
    [{ workload_request_id: "r1" }, "No active workload found with request_id r1"],
    [{ pid: Deno.pid }, `No active workload found with PID ${Deno.pid}`],
    [{ pid: -1 }, "No active workload found with PID -1"],
  ];
  for (const [params, error] of missing) {
    const reply = await test.ask({ command: "cancel", request_id: "x", params });
    assertEquals(reply.error, error);
  }
});

Deno.test("a command that takes too long is answered with that", async () => {
  const clock = new FakeClock();
  await using test = await Commands.start({
    inference: "echo $$ >pid; exec tail -f /dev/null",
    timeout: { inference: 60 },
    clock,
  });
  await test.run("r1");
  await test.written("pid");
  await clock.advance(60 * SECOND);
  assertEquals((await test.reply("r1")).error, "Command timed out after 60 s");
  assertEquals(test.journal.findRequest("inference", "r1", 0)?.end?.cause, "timed_out");
});

Deno.test("running and waiting work survives a restart, and is answered by the next node", async () => {
  const options = { inference: WAITS };
  await using test = await Commands.start(options);
  for (const id of ["r1", "r2"]) await test.run(id, { id });
  await test.written("began");
  await test.restart(options);
  assertEquals([test.parts.runner.runs().length, test.parts.queue.waiting().length], [1, 1]);
  for (const id of ["r1", "r2"]) {
    await test.letGo(id);
    assertEquals((await test.reply(id)).output, `${id}\n`);
  }
  assertEquals(test.read("began"), "r1\nr2\n");
});

Deno.test("work that ended while no node ran is answered with its true outcome", async () => {
  const options = { inference: `echo "$CYBERWAVE_REQUEST_ID" >>began; ${wordFrom("go")}; exit 4` };
  await using test = await Commands.start(options);
  await test.run("r1");
  const pid = await test.pidOf("r1");
  await test.written("began");
  await test.stop();
  await test.letGo();
  await untilGone(pid);
  await test.begin(options);
  assertEquals((await test.reply("r1")).error, "Command failed with code 4");
  assertEquals(test.read("began"), "r1\n");
});

Deno.test("work that was killed while no node ran is answered as such", async () => {
  const options = { inference: WAITS };
  await using test = await Commands.start(options);
  await test.run("r1");
  const pid = await test.pidOf("r1");
  await test.written("began");
  await test.stop();
  Deno.kill(-pid, "SIGKILL");
  await untilGone(pid);
  await test.begin(options);
  assertEquals((await test.reply("r1")).error, "Workload killed by signal 9 (SIGKILL)");
  assertEquals(test.read("began"), "r1\n");
});

Deno.test("a waiting command is refused by a node that has no template for it any more", async () => {
  await using test = await Commands.start({ inference: "true", open: false });
  await test.run("r1");
  await test.restart({ training: "true" });
  const { error } = await test.reply("r1");
  assertEquals(error, "Inference command not configured in cyberwave.yml");
  assert(test.parts.queue.isEmpty);
});

Deno.test("hostile request ids come back exactly, also from the queue after a restart", async () => {
  const ids = ["a\0b", "'; rm -rf . #", "\ud800", "😀\n", "../../etc", ""];
  await using test = await Commands.start({ inference: "true", open: false });
  for (const id of ids) await test.run(id);
  await test.restart({ inference: "true" });
  for (const id of ids) assertEquals((await test.reply(id)).status, "ok");
});

Deno.test("the queue is empty when nothing runs and nothing waits", async () => {
  await using test = await Commands.start({ inference: WAITS });
  await test.idle();
  for (const id of ["r1", "r2"]) await test.run(id);
  assertEquals(test.parts.queue.isEmpty, false);
  const idle = test.idle();
  for (const id of ["r1", "r2"]) {
    await test.letGo();
    await test.reply(id);
  }
  await idle;
  assert(test.parts.queue.isEmpty);
});

Deno.test("a burst is answered completely, each command once", async () => {
  await using test = await Commands.start({
    inference: 'echo "$CYBERWAVE_REQUEST_ID" >>ran; printf %s "$CYBERWAVE_REQUEST_ID"',
    concurrency: { inference: 4, training: 1, simulate: 1 },
    maxQueued: { inference: 1_000, training: 0, simulate: 0 },
  });
  const ids = Array.from({ length: 100 }, (_, index) => `r${index}`);
  for (const id of ids) await test.run(id);
  for (const id of ids) assertEquals((await test.reply(id)).output, id);
  assertEquals(test.read("ran").trim().split("\n").sort(), ids.toSorted());
  assertEquals(test.replies.all.length, ids.length);
});

for (const [when, restarts] of [["while it runs", false], ["before a restart", true]] as const) {
  for (const ends of ["after that", "before that"]) {
    if (!restarts && ends === "before that") continue;
    Deno.test(`a workload whose folder somebody removes ${when}, and which ends ${ends}, runs once and is answered`, async () => {
      const options = { inference: `${WAITS}; echo over >>ended` };
      await using test = await Commands.start(options);
      await test.run("r1");
      const pid = await test.pidOf("r1");
      await test.written("began");
      if (restarts) await test.stop();
      Deno.removeSync(test.workloadsFolder, { recursive: true });
      const letEnd = async () => {
        await test.letGo();
        await test.written("ended");
      };
      if (ends === "before that") {
        await letEnd();
        await untilGone(pid);
      }
      if (restarts) await test.begin(options);
      if (ends === "after that") await letEnd();
      const { status, output, error = "" } = await test.reply("r1");
      // Nobody knows what it printed, and whether it succeeded knows only a node that saw it.
      if (restarts) assertStringIncludes(error, "Workload lost: its f");
      else assertEquals([status, output], ["ok", "[the output was removed]"]);
      assertEquals(test.read("began"), "r1\n");

      await test.run("r2");
      await test.letGo("next");
      assertEquals((await test.reply("r2")).output, "next\n");
    });
  }
}

Deno.test("a command that nothing can run is answered at once with the reason", async () => {
  const executor = new ScriptedExecutor();
  executor.problem = "the model does not load";
  await using test = await Commands.start({ inference: "a", executor });
  const { status, error } = await test.ask({ command: "inference", request_id: "r1" });
  assertEquals([status, error], ["error", "the model does not load"]);
  assertEquals(test.parts.queue.isEmpty, true);
});

Deno.test("a command that never began, since what was to run it has ended, has the next turn and runs once", async () => {
  const executor = new ScriptedExecutor();
  executor.begins = false;
  await using test = await Commands.start({ inference: "a", executor });
  for (const id of ["r1", "r2"]) await test.run(id);
  const never = { type: "not_started", why: "its worker has ended", mayRunLater: true } as const;
  executor.room = 0;
  (await executor.executions.next()).finish(never);
  await test.logger.logged("inference r1 did not start and waits again");
  await test.journal.commit(() => {});
  assertEquals(test.journal.unfinished().map(({ state }) => state), ["queued", "queued"]);
  executor.room = 1;
  test.parts.runner.startNext();
  const execution = await executor.executions.next();
  execution.begin();
  execution.end();
  assertEquals((await test.reply("r1")).status, "ok");
  (await executor.executions.next()).end();
  await test.reply("r2");
  await test.idle();
  assertEquals([executor.executions.all.length, test.replies.all.length], [3, 2]);
});

Deno.test("a command that never began is not run again once it is cancelled", async () => {
  const executor = new ScriptedExecutor();
  executor.begins = false;
  await using test = await Commands.start({ inference: "a", executor });
  await test.run("r1");
  const execution = await executor.executions.next();
  assertEquals((await test.cancel("r1")).status, "ok");
  execution.finish({ type: "not_started", why: "its worker has ended", mayRunLater: true });
  assertEquals((await test.reply("r1")).error, "Command was cancelled by SIGTERM");
  await test.idle();
  assertEquals(executor.executions.all.length, 1);
});
