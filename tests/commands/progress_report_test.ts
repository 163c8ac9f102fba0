import { assert, assertEquals } from "@std/assert";
import { addSecret, type LogFields } from "../../src/log.ts";
import { latestProgress } from "../../src/workloads/progress_file.ts";
import { FakeClock } from "../support/clock.ts";
import { Commands } from "../support/commands.ts";
import { RecordingLogger } from "../support/events.ts";
import { ScriptedExecutor } from "../support/scripted.ts";

/** A command whose progress a test tells, and whose clock it moves. */
async function scripted() {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  const test = await Commands.start({ inference: "a", executor, clock });
  await test.run("r1");
  const execution = await executor.executions.next();
  await clock.sleeping();
  return { test, clock, execution, told: execution.onProgress! };
}

Deno.test("a command writes down how far it is, and the last of it comes before its reply", async () => {
  await using test = await Commands.start({
    inference: `say() { echo "$1" >>"$CYBERWAVE_PROGRESS_FILE"; }
      say '{"progress":1,"total":3}'; say '{"progress":2,"total":3,"message":"nearly"}'
      read -r line <go; say '{"progress":3,"total":3}'; echo "$line"`,
  });
  const order: string[] = [];
  test.events.on("progress", ({ command, progress }) => {
    order.push(`${command.requestId} ${progress.progress}`);
  });
  test.events.on("ended", () => order.push("ended"));
  await test.run("r1");
  assertEquals(await test.progress.next(), { progress: 2, total: 3, message: "nearly" });
  assertEquals(test.runOf("r1")!.progress.latest?.progress, 2);
  await test.letGo();
  assertEquals((await test.reply("r1")).output, "done\n");
  await test.idle();
  assertEquals(test.progress.all.at(-1), { progress: 3, total: 3 });
  assertEquals(order, ["r1 2", "r1 3", "ended"]);
});

Deno.test("a command that is over at once has reported its last progress", async () => {
  await using test = await Commands.start({
    inference: `printf '{"message":"short"}' >"$CYBERWAVE_PROGRESS_FILE"`,
  });
  await test.ask({ command: "inference", request_id: "r1" });
  assertEquals(test.progress.all, [{ message: "short" }]);
});

Deno.test("the next node goes on to report the progress of what runs", async () => {
  const options = {
    inference: `echo '{"progress":0.1}' >"$CYBERWAVE_PROGRESS_FILE"; echo >began
      read -r line <go; echo '{"progress":0.9}' >"$CYBERWAVE_PROGRESS_FILE"`,
  };
  await using test = await Commands.start(options);
  await test.run("r1");
  await test.written("began");
  await test.restart(options);
  await test.letGo();
  await test.reply("r1");
  assertEquals(test.progress.all.at(-1), { progress: 0.9 });
});

Deno.test("a line that is no progress is ignored, with one hint", async () => {
  const { test, clock, execution } = await scripted();
  await using _ = test;
  for (const line of ["epoch 1", "epoch 2", '{"progress":0.5}', "epoch 3"]) {
    const { progressFile } = test.parts.folderOf(execution.work!.id);
    Deno.writeTextFileSync(progressFile, `${line}\n`, { append: true });
    await clock.advance(500);
  }
  execution.end();
  assertEquals((await test.reply("r1")).status, "ok");
  assertEquals(test.progress.all, [{ progress: 0.5 }]);
  assertEquals(test.logger.shown.filter((line) => line.includes("PROGRESS_FILE")), [
    "warn: inference r1 wrote invalid progress to its CYBERWAVE_PROGRESS_FILE: a line is not " +
    'of the form {"progress":0.4,"message":"..."}; it is ignored',
  ]);
});

Deno.test("what a command puts in place of the file is not waited for", async () => {
  await using test = await Commands.start({ inference: 'mkfifo "$CYBERWAVE_PROGRESS_FILE"' });
  const about: unknown[] = [];
  const { logger } = test;
  logger.warn = (message: string, fields?: LogFields) => {
    about.push(fields?.requestId);
    RecordingLogger.prototype.warn.call(logger, message);
  };
  assertEquals((await test.ask({ command: "inference", request_id: "r1" })).status, "ok");
  await test.logger.logged(
    "invalid progress to its CYBERWAVE_PROGRESS_FILE: it is not a regular file",
  );
  assertEquals(about, ["r1"], "the line says which command it is about");
  assertEquals(test.progress.all, []);
});

Deno.test("progress is reported twice a second at most, and the last of it always", async () => {
  const { test, clock, execution, told } = await scripted();
  await using _ = test;
  for (let at = 1; at <= 100; at++) {
    told({ progress: at, total: 100 });
    if (at % 25 === 0) await clock.advance(250);
  }
  told({ progress: 100, total: 100, message: "all" });
  execution.end();
  await test.reply("r1");
  // In a second that is three, and the last.
  assert(test.progress.all.length <= 4, Deno.inspect(test.progress.all));
  assertEquals(test.progress.all.at(0), { progress: 1, total: 100 });
  assertEquals(test.progress.all.at(-1), { progress: 100, total: 100, message: "all" });
});

Deno.test("the same progress is reported once, and none after the end", async () => {
  const { test, clock, execution, told } = await scripted();
  await using _ = test;
  for (const _ of Array(4)) {
    told({ progress: 1 });
    await clock.advance(500);
  }
  execution.end();
  await test.reply("r1");
  assertEquals(execution.onProgress, undefined);
  assertEquals(test.progress.all, [{ progress: 1 }]);
});

Deno.test("progress that is told of is kept where ps looks, once there is more than one", async () => {
  const { test, clock, execution, told } = await scripted();
  await using _ = test;
  const { progressFile } = test.parts.folderOf(execution.work!.id);
  told({ progress: 0.1 });
  assertEquals(latestProgress(progressFile).progress, undefined);
  await clock.advance(500);
  told({ progress: 0.2 });
  assertEquals(latestProgress(progressFile).progress, { progress: 0.2 });
  execution.end();
  await test.reply("r1");
  assertEquals(test.progress.all, [{ progress: 0.1 }, { progress: 0.2 }]);
});

Deno.test("progress that is told of once is kept there after half a second, if the command still runs", async () => {
  const { test, clock, execution, told } = await scripted();
  await using _ = test;
  const { progressFile } = test.parts.folderOf(execution.work!.id);
  told({ progress: 0.1 });
  await clock.advance(400);
  assertEquals(latestProgress(progressFile).progress, undefined);
  await clock.advance(200);
  assertEquals(latestProgress(progressFile).progress, { progress: 0.1 });
  execution.end();
  await test.reply("r1");
});

Deno.test("no secret is reported in a message, nor a message without end", async () => {
  addSecret("secret-of-the-progress-test");
  const { test, execution, told } = await scripted();
  await using _ = test;
  told({ message: `${"x".repeat(490)}secret-of-the-progress-test` });
  execution.end();
  await test.reply("r1");
  assertEquals(test.progress.all, [{ message: `${"x".repeat(490)}***` }]);
});
