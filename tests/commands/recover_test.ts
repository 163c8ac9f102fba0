import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Handle, Recovered } from "../../src/executors/executor.ts";
import type { StopRequest } from "../../src/journal/record.ts";
import { FakeClock } from "../support/clock.ts";
import { Commands, type CommandsOptions } from "../support/commands.ts";
import { ScriptedExecution, ScriptedExecutor } from "../support/scripted.ts";

const SECOND = 1_000;

const HANDLE: Handle = { executor: "process", attempt: "attempt-1", bootId: "boot-1" };

/** A node that found a command which an earlier one had started, and what it found of it. */
async function recovered(
  recovered: () => Promise<Recovered>,
  options: CommandsOptions = {},
  change: (test: Commands) => void = () => {},
): Promise<{ test: Commands; executor: ScriptedExecutor }> {
  const test = await Commands.start({ inference: "a", executor: new ScriptedExecutor() });
  await test.run("r1", { workload_uuid: "w-1" });
  await test.becomes("running");
  await test.stop();
  change(test);
  const executor = new ScriptedExecutor();
  executor.recovered = recovered;
  await test.begin({ inference: "a", ...options, executor });
  return { test, executor };
}

Deno.test("what still runs is followed to its end, and not reported as running again", async () => {
  const execution = new ScriptedExecution(HANDLE, 7, undefined);
  const { test, executor } = await recovered(() => Promise.resolve({ type: "running", execution }));
  await using _ = test;
  execution.begin();
  assertEquals((await test.status()).active_workloads[0].pid, 7);
  execution.end();
  assertEquals((await test.reply("r1")).status, "ok");
  assertEquals([executor.executions.all, test.statusNames()], [[], ["running", "completed"]]);
});

const ENDED: readonly [found: Recovered, error: string][] = [
  [
    { type: "ended", exit: { type: "exited", code: 3 } },
    "Command failed with code 3",
  ],
  [
    { type: "ended", exit: { type: "lost", why: "its folder was removed" } },
    "Workload lost: its folder was removed",
  ],
];

for (const [found, error] of ENDED) {
  Deno.test(`what ended while there was no node is answered: ${error}`, async () => {
    const { test, executor } = await recovered(() => Promise.resolve(found));
    await using _ = test;
    assertEquals((await test.reply("r1")).error, error);
    await test.idle();
    assertEquals([executor.executions.all, test.statusNames()], [[], ["running", "completed"]]);
  });
}

Deno.test("what certainly never began runs", async () => {
  const { test, executor } = await recovered(() => Promise.resolve({ type: "not_started" }));
  await using _ = test;
  (await executor.executions.next()).end(undefined, "done");
  assertEquals((await test.reply("r1")).output, "done");
});

Deno.test("one that cannot be found again is lost, and keeps the node from nothing", async () => {
  const { test, executor } = await recovered(() => Promise.reject(new Error("EIO")));
  await using _ = test;
  assertEquals((await test.reply("r1")).error, "Workload lost: EIO");
  await test.run("r2");
  (await executor.executions.next()).end();
  assertEquals((await test.reply("r2")).status, "ok");
});

Deno.test("what an executor ran that this node has no more is lost", async () => {
  const rename = (test: Commands) =>
    test.write(`UPDATE commands SET handle = replace(handle, '"process"', '"slurm"')`);
  const { test } = await recovered(() => Promise.reject(new Error("not asked")), {}, rename);
  await using _ = test;
  assertStringIncludes(
    (await test.reply("r1")).error!,
    'Workload lost: nothing here knows how "slurm" ran it',
  );
});

/** Stores that the command was to be stopped. */
function stopped({ cause, signal, at }: StopRequest): (test: Commands) => void {
  return (test) =>
    test.write(
      `UPDATE commands SET stop_cause = '${cause}', stop_signal = '${signal}', stop_at = ${at}`,
    );
}

Deno.test("what was being stopped is stopped on, with what is left of its grace", async () => {
  const clock = new FakeClock();
  const execution = new ScriptedExecution(HANDLE, 7, undefined);
  const request = { cause: "cancelled", signal: "SIGINT", at: clock.now() - 4 * SECOND } as const;
  const { test } = await recovered(
    () => Promise.resolve({ type: "running", execution }),
    { clock },
    stopped(request),
  );
  await using _ = test;
  await clock.advance(6 * SECOND);
  assertEquals(execution.signals.all, ["SIGINT", "SIGKILL"]);
  execution.end({ type: "killed", signal: "SIGKILL" });
  assertEquals(
    (await test.reply("r1")).error,
    "Command was cancelled by SIGINT, and ended by SIGKILL",
  );
});

Deno.test("what was to be stopped and never began is answered, and never runs", async () => {
  const request = { cause: "cancelled", signal: "SIGINT", at: 0 } as const;
  const { test, executor } = await recovered(
    () => Promise.resolve({ type: "not_started" }),
    {},
    stopped(request),
  );
  await using _ = test;
  assertEquals((await test.reply("r1")).error, "Command was cancelled by SIGINT");
  assertEquals(executor.executions.all, []);
});

Deno.test("a time limit goes by the age that the executor measures, not by the wall clock", async () => {
  // The wall clock was years behind when the command was started.
  const clock = new FakeClock(Date.now() + 3 * 365 * 24 * 3_600 * SECOND);
  const execution = new ScriptedExecution(HANDLE, 7, undefined, 45 * SECOND);
  const { test } = await recovered(
    () => Promise.resolve({ type: "running", execution }),
    { clock, timeout: { inference: 60 } },
  );
  await using _ = test;
  await clock.advance(15 * SECOND - 1);
  assertEquals(execution.signals.all, []);
  await clock.advance(1);
  assertEquals(await execution.signals.next(), "SIGTERM");
  execution.end({ type: "exited", code: 143 });
  assertEquals((await test.reply("r1")).error, "Command timed out after 60 s");
});

Deno.test("what cannot be put back into the queue waits for space, and then runs", async () => {
  const clock = new FakeClock();
  const first = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor: first });
  await test.run("r1");
  await first.executions.next();
  await test.stop();
  const executor = new ScriptedExecutor();
  let full: Disposable;
  executor.recovered = () => {
    full = test.diskFull("commands");
    return Promise.resolve({ type: "not_started" });
  };
  const begun = test.begin({ inference: "a", executor, clock });
  await test.logger.logged("Cannot store that inference r1 did not start");
  full![Symbol.dispose]();
  await clock.advance(30 * SECOND);
  await begun;
  (await executor.executions.next()).end();
  assertEquals((await test.reply("r1")).status, "ok");
});
