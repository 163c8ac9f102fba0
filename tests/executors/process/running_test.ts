import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { StopRequest } from "../../../src/journal/record.ts";
import { nameOf } from "../../../src/executors/process/running.ts";
import { FakeClock } from "../../support/clock.ts";
import { newCommand } from "../../support/journal.ts";
import { fileWritten, isAlive, Workshop } from "../../support/workshop.ts";

const SECOND = 1_000;

/** Runs until it is signalled, after having told its pid in the file `pid`. */
const FOREVER = "echo $$ >pid; exec tail -f /dev/null";

/** As `FOREVER`, and its child does not mind SIGTERM; `grandchild` has the child's pid. */
const STUBBORN = `
sh -c 'trap "" TERM INT; echo $$ >grandchild; while :; do tail -f /dev/null & wait; done' &
trap "" TERM INT
echo $$ >pid
while :; do wait; done
`;

Deno.test("stopping ends the workload with the signal asked for, which is remembered before", async () => {
  for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
    await using workshop = new Workshop({ templates: { inference: FOREVER } });
    const running = await workshop.start();
    const pid = Number(await fileWritten(`${workshop.workFolder}/pid`));
    running.stop("cancelled", signal);
    assertEquals((await workshop.stops.next()).signal, signal);
    const { exit } = await workshop.ended(running);
    assertEquals(exit, { type: "exited", code });
    assertEquals([running.stopRequest?.cause, running.stopRequest?.signal], ["cancelled", signal]);
    assertEquals(await isAlive(pid), false);
  }
});

Deno.test("SIGKILL ends the whole group at once", async () => {
  await using workshop = new Workshop({ templates: { inference: STUBBORN } });
  const running = await workshop.start();
  await fileWritten(`${workshop.workFolder}/pid`);
  const grandchild = Number(await fileWritten(`${workshop.workFolder}/grandchild`));
  running.stop("cancelled", "SIGKILL");
  assertEquals((await workshop.ended(running)).exit, { type: "killed", signal: "SIGKILL" });
  await gone(grandchild);
});

Deno.test("what outlives its grace is killed, grandchildren too", async () => {
  const clock = new FakeClock();
  await using workshop = new Workshop({
    templates: { inference: STUBBORN },
    clock,
    cancelGrace: 10,
  });
  const running = await workshop.start();
  const pid = Number(await fileWritten(`${workshop.workFolder}/pid`));
  const grandchild = Number(await fileWritten(`${workshop.workFolder}/grandchild`));
  running.stop("cancelled", "SIGTERM");
  await clock.sleepingFor(10 * SECOND);
  await clock.advance(10 * SECOND - 1);
  assert(await isAlive(pid) && await isAlive(grandchild));
  await clock.advance(1);
  const { exit } = await workshop.ended(running);
  assertEquals(exit, { type: "killed", signal: "SIGKILL" });
  assertEquals(workshop.stops.all.map(({ signal }) => signal), ["SIGTERM", "SIGKILL"]);
  assertEquals(running.stopRequest?.signal, "SIGKILL");
  await workshop.logger.logged("outlived SIGTERM by 10 s: sending SIGKILL");
  await gone(pid);
  await gone(grandchild);
});

Deno.test("a child that outlives a workload which obeyed is killed after the grace as well", async () => {
  const clock = new FakeClock();
  const template = STUBBORN.replace('trap "" TERM INT\n', "");
  await using workshop = new Workshop({ templates: { inference: template }, clock });
  const running = await workshop.start();
  await fileWritten(`${workshop.workFolder}/pid`);
  const grandchild = Number(await fileWritten(`${workshop.workFolder}/grandchild`));
  running.stop("cancelled", "SIGTERM");
  await clock.sleepingFor(10 * SECOND);
  await clock.advance(10 * SECOND);
  await workshop.ended(running);
  await gone(grandchild);
});

Deno.test("a second request sends its signal too, and the first cause stays", async () => {
  const clock = new FakeClock();
  await using workshop = new Workshop({
    templates: { inference: STUBBORN },
    clock,
    timeout: { inference: 60 },
  });
  const running = await workshop.start();
  await fileWritten(`${workshop.workFolder}/pid`);
  await clock.advance(60 * SECOND);
  assertEquals((await workshop.stops.next()).cause, "timed_out");
  running.stop("cancelled", "SIGKILL");
  assertEquals((await workshop.ended(running)).exit, { type: "killed", signal: "SIGKILL" });
  assertEquals(running.stopRequest?.cause, "timed_out");
});

Deno.test("a workload that takes too long is stopped", async () => {
  const clock = new FakeClock();
  await using workshop = new Workshop({
    templates: { inference: FOREVER },
    clock,
    timeout: { inference: 60, training: 1 },
  });
  const running = await workshop.start();
  await fileWritten(`${workshop.workFolder}/pid`);
  await clock.advance(60 * SECOND - 1);
  assertEquals(running.stopRequest, undefined);
  await clock.advance(1);
  assertEquals((await workshop.ended(running)).exit, { type: "exited", code: 143 });
  assertEquals([running.stopRequest?.cause, running.stopRequest?.signal], ["timed_out", "SIGTERM"]);
  assertStringIncludes(await workshop.logger.logged("stopping it"), "has run for 60 s");
});

Deno.test("a stop that cannot be remembered is carried out all the same", async () => {
  await using workshop = new Workshop({ templates: { inference: FOREVER } });
  const running = await workshop.start();
  await fileWritten(`${workshop.workFolder}/pid`);
  workshop.stops.push = () => {
    throw new Error("database or disk is full");
  };
  running.stop("cancelled", "SIGTERM");
  assertEquals((await workshop.ended(running)).exit, { type: "exited", code: 143 });
  await workshop.logger.logged("Cannot remember that inference request-c1 is being stopped");
});

Deno.test("a workload is stopped even before it began", async () => {
  await using workshop = new Workshop({ templates: { inference: "touch ran; tail -f /dev/null" } });
  const running = await workshop.start();
  running.stop("cancelled", "SIGKILL");
  const { exit } = await workshop.ended(running);
  assertEquals(exit, { type: "killed", signal: "SIGKILL" });
});

Deno.test("who kills the process that leads a workload ends all of it", async () => {
  await using workshop = new Workshop({ templates: { inference: "exec tail -f /dev/null >fifo" } });
  await fifo(`${workshop.workFolder}/fifo`);
  const running = await workshop.start();
  using reader = await Deno.open(`${workshop.workFolder}/fifo`);
  Deno.kill(running.process.pid, "SIGKILL");
  assertEquals((await workshop.ended(running)).exit, { type: "killed", signal: "SIGKILL" });
  assertEquals(await reader.read(new Uint8Array(1)), null, "nobody holds the other end any more");
});

Deno.test("a workload of an earlier node is watched until it ends, and its true code told", async () => {
  const clock = new FakeClock();
  await using earlier = new Workshop({
    templates: { inference: 'echo old; echo >begun; read line <fifo; echo "$line"; exit 5' },
    clock,
  });
  await fifo(`${earlier.workFolder}/fifo`);
  const { process, folder, command } = await earlier.start();
  await fileWritten(`${earlier.workFolder}/begun`);
  const running = earlier.attach(command.id, process);
  await clock.advance(10 * SECOND);
  await Deno.writeTextFile(`${earlier.workFolder}/fifo`, "new\n");
  await fileWritten(`${folder.path}/exit`);
  await earlier.logger.logged("[inference request-c1] old");
  await clock.advance(SECOND / 4);
  const { exit } = await earlier.ended(running);
  assertEquals(exit, { type: "exited", code: 5 });
});

Deno.test("a workload of an earlier node that was killed meanwhile is told as such", async () => {
  const clock = new FakeClock();
  await using workshop = new Workshop({ templates: { inference: FOREVER }, clock });
  const { process, command } = await workshop.start();
  await fileWritten(`${workshop.workFolder}/pid`);
  const running = workshop.attach(command.id, process);
  Deno.kill(-process.pid, "SIGKILL");
  await gone(process.pid);
  const ended = workshop.ended(running);
  await advanceUntil(clock, ended);
  assertEquals((await ended).exit, { type: "killed", signal: "SIGKILL" });
});

Deno.test("a pid that now is another's is not watched, and never signalled", async () => {
  const clock = new FakeClock();
  await using workshop = new Workshop({ templates: { inference: FOREVER }, clock });
  const bystander = await workshop.start();
  await fileWritten(`${workshop.workFolder}/pid`);
  Deno.mkdirSync(`${workshop.workloadsFolder}/old`);
  Deno.writeTextFileSync(`${workshop.workloadsFolder}/old/exit`, "................");
  const reused = { ...bystander.process, startTime: "1" };
  const stop: StopRequest = { cause: "cancelled", signal: "SIGKILL", at: clock.now() };
  const running = workshop.attach("old", reused, stop);
  const ended = workshop.ended(running);
  await advanceUntil(clock, ended);
  assertEquals((await ended).exit, { type: "killed", signal: "SIGKILL" });
  assert(await isAlive(bystander.process.pid));
  bystander.stop("cancelled", "SIGKILL");
  await workshop.ended(bystander);
});

Deno.test("a stop that an earlier node began is carried on, with what is left of the grace", async () => {
  const clock = new FakeClock();
  await using workshop = new Workshop({ templates: { inference: STUBBORN }, clock });
  const { process, command } = await workshop.start();
  await fileWritten(`${workshop.workFolder}/pid`);
  const grandchild = Number(await fileWritten(`${workshop.workFolder}/grandchild`));
  const stop: StopRequest = {
    cause: "cancelled",
    signal: "SIGTERM",
    at: clock.now() - 7 * SECOND,
  };
  const running = workshop.attach(command.id, process, stop);
  await clock.sleepingFor(3 * SECOND);
  await clock.advance(3 * SECOND);
  await gone(grandchild);
  const ended = workshop.ended(running);
  await advanceUntil(clock, ended);
  assertEquals((await ended).exit, { type: "killed", signal: "SIGKILL" });
  assertEquals(running.stopRequest?.signal, "SIGKILL");
});

Deno.test("a clock that jumped backwards gives no more than the whole grace", async () => {
  const clock = new FakeClock();
  await using workshop = new Workshop({ templates: { inference: STUBBORN }, clock });
  const { process, command } = await workshop.start();
  await fileWritten(`${workshop.workFolder}/pid`);
  const at = clock.now() + 3_600 * SECOND;
  const running = workshop.attach(command.id, process, {
    cause: "cancelled",
    signal: "SIGTERM",
    at,
  });
  await clock.sleepingFor(10 * SECOND);
  await clock.advance(10 * SECOND);
  await gone(process.pid);
  const ended = workshop.ended(running);
  await advanceUntil(clock, ended);
});

Deno.test("a workload goes on when the node lets go of it", async () => {
  await using workshop = new Workshop({ templates: { inference: FOREVER } });
  const running = await workshop.start();
  const pid = Number(await fileWritten(`${workshop.workFolder}/pid`));
  workshop.runner.leave();
  await running.release();
  await workshop.pool.close();
  assert(await isAlive(pid));
});

Deno.test("output is shown in the log with the command's name, harmless whatever it is", async () => {
  await using workshop = new Workshop({ templates: { inference: "echo out; echo err >&2" } });
  await workshop.run({}, { requestId: "r1" });
  await workshop.logger.logged("[inference r1] out");
  await workshop.logger.logged("[inference r1] err");
});

Deno.test("a command is named by its request id, quoted when it is not plain, or by its own id", () => {
  const names: [requestId: string | undefined, name: string][] = [
    ["r1", "inference r1"],
    ["6f1c:a.b_c-d", "inference 6f1c:a.b_c-d"],
    [undefined, "inference c1"],
    ["", 'inference ""'],
    ["a b", 'inference "a b"'],
    ["a\n\x1b[2J", 'inference "a\\n\\u001b[2J"'],
  ];
  for (const [requestId, name] of names) {
    assertEquals(nameOf(newCommand("c1", { requestId })), name);
  }
  assert(nameOf(newCommand("c1", { requestId: "x".repeat(1_000) })).length < 300);
});

/** Resolves when a process is gone. There is no event for one that is not our child. */
async function gone(pid: number): Promise<void> {
  const deadline = AbortSignal.timeout(15_000);
  while (await isAlive(pid)) deadline.throwIfAborted();
}

async function fifo(path: string): Promise<void> {
  await new Deno.Command("mkfifo", { args: [path] }).output();
}

/** Moves the clock on until `promise` is settled. */
async function advanceUntil(clock: FakeClock, promise: Promise<unknown>): Promise<void> {
  let settled = false;
  promise.finally(() => settled = true);
  while (!settled) {
    await clock.sleeping();
    await clock.advance(250);
  }
}
