/** Commands whose executor starts no process for them, and whose output is in no file. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { History } from "../../src/journal/history.ts";
import type { Exit } from "../../src/executors/executor.ts";
import { Commands } from "../support/commands.ts";
import { ScriptedExecutor } from "../support/scripted.ts";

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function answered(text: string): Exit {
  return { type: "answered", output: { stdout: bytes(text), stderr: bytes("") } };
}

/** An executor that needs no folder. */
class WarmExecutor extends ScriptedExecutor {
  override reserve() {
    const place = super.reserve();
    if (place !== undefined && "handle" in place) delete place.prepare;
    return place;
  }
}

async function startWarm() {
  const executor = new WarmExecutor();
  const test = await Commands.start({
    inference: "a",
    executor,
    concurrency: { inference: 2, training: 1, simulate: 1 },
  });
  return { executor, test };
}

Deno.test("an answer that is in no file is the output, and leaves no file", async () => {
  const { executor, test } = await startWarm();
  await using _ = test;
  await test.run("r1");
  (await executor.executions.next()).finish(answered('{"cat": 0.9}'));
  const { status, output } = await test.reply("r1");
  assertEquals([status, output], ["ok", '{"cat": 0.9}']);
  await test.idle();
  assertEquals([...Deno.readDirSync(test.workloadsFolder)], []);
});

Deno.test("an empty answer is an empty output, not one that was removed", async () => {
  const { executor, test } = await startWarm();
  await using _ = test;
  await test.run("r1");
  (await executor.executions.next()).finish(answered(""));
  assertEquals((await test.reply("r1")).output, "");
});

Deno.test("a failure is answered with its reason, and what was printed is kept", async () => {
  const { executor, test } = await startWarm();
  await using _ = test;
  await test.run("r1");
  const output = { stderr: bytes("loading\n") };
  (await executor.executions.next()).finish({ type: "failed", error: "no such label", output });
  const { status, error } = await test.reply("r1");
  assertEquals([status, error], ["error", "no such label"]);
  await test.idle();
  using history = History.open(test.folder)!;
  const { id, end } = history.find("r1")!;
  assertEquals([end?.cause, end?.exitCode, end?.bytes], ["exited", undefined, 8]);
  assertEquals(history.ended({ outcome: "failed" }, 10).map((record) => record.id), [id]);
  assertEquals(new TextDecoder().decode(history.output(id).stderr), "loading\n");
});

Deno.test("output that is in no file goes when files go", async () => {
  const { executor, test } = await startWarm();
  await using _ = test;
  await test.run("r1");
  (await executor.executions.next()).finish(answered("x"));
  await test.reply("r1");
  await test.idle();
  using history = History.open(test.folder)!;
  const { id } = history.find("r1")!;
  test.journal.answered.filesRemoved([id]);
  assertEquals([history.find("r1")!.end?.bytes, history.output(id)], [0, {}]);
});

Deno.test("an answer that wins the race with a cancel counts", async () => {
  const { executor, test } = await startWarm();
  await using _ = test;
  await test.run("r1");
  const execution = await executor.executions.next();
  await test.cancel("r1");
  execution.finish(answered("done"));
  assertEquals((await test.reply("r1")).output, "done");
});

Deno.test("a process with several commands in hand is no name for one of them", async () => {
  const { executor, test } = await startWarm();
  await using _ = test;
  await test.run("r1");
  const execution = await executor.executions.next();
  execution.sharedPid = 77;
  const cancel = { command: "cancel", request_id: "c1", params: { pid: 77 } };
  const { error } = await test.ask(cancel);
  assertStringIncludes(error!, "PID 77 has several commands in hand");
  assertStringIncludes(error!, "workload_request_id");
  execution.finish(answered(""));
});

Deno.test("a command without files needs no folder to be stored as started", async () => {
  const { executor, test } = await startWarm();
  await using _ = test;
  await test.run("r1");
  const execution = await executor.executions.next();
  assertEquals(existsSync(`${test.workloadsFolder}/${execution.work!.id}`), false);
  execution.finish(answered(""));
});
