import { assert, assertEquals } from "@std/assert";
import { ProcessExecutor } from "../../../src/executors/process/process_executor.ts";
import { WarmProcess } from "../../../src/executors/warm/warm_process.ts";
import { systemClock } from "../../../src/time.ts";
import { Bench, fileWritten, HOST, isAlive } from "../../support/executors.ts";

/** A place for warm processes. */
function benchForWarm(): Bench {
  return new Bench(({ workFolder, logger }) =>
    new ProcessExecutor({
      templates: {},
      env: {},
      workFolder,
      host: HOST,
      clock: systemClock,
      logger,
    })
  );
}

/** A process that stays loaded in a bench. */
function warmProcess(bench: Bench, command: string, keepLoaded = 60): WarmProcess {
  return new WarmProcess({
    name: "model",
    command,
    loadedFolder: `${bench.folder}/loaded`,
    workFolder: bench.workFolder,
    env: { PATH: Deno.env.get("PATH")! },
    host: HOST,
    maxOutputFiles: 1 << 20,
    keepLoaded,
    unloadTimeout: 5,
    clock: systemClock,
    logger: bench.logger,
  });
}

const WAIT = "echo $$ >pid.new; mv pid.new pid; exec tail -f /dev/null";

/** The pid that a command has written. */
async function pidOf(bench: Bench): Promise<number> {
  return Number(await fileWritten(`${bench.workFolder}/pid`));
}

/** All processes, as `ps` shows them. */
async function processes(): Promise<string> {
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pid= args="] }).output();
  return new TextDecoder().decode(stdout);
}

/** Whether the keeper of a name lives. */
async function isKeeping(name: string): Promise<boolean> {
  return (await processes()).includes(name);
}

/** Resolves when a process has ended and its parent knows that. */
async function whenGone(pid: number | undefined): Promise<void> {
  while (new RegExp(`^ *${pid} `, "m").test(await processes()));
}

Deno.test("warm process: how it ended is said with its last words", async () => {
  await using bench = benchForWarm();
  await using process = warmProcess(bench, "echo loading; echo no GPU >&2; exit 4");
  const { exit } = await process.findOrStart();
  assertEquals(process.describe(await exit), "The program exited with code 4: no GPU");
});

Deno.test("warm process: a code that only says which signal ended it is explained", async () => {
  await using bench = benchForWarm();
  await using process = warmProcess(bench, "echo loading; kill -SEGV $$");
  const { exit } = await process.findOrStart();
  assertEquals(
    process.describe(await exit),
    "The program exited with code 139 (killed by SIGSEGV, a crash): loading",
  );
});

Deno.test("warm process: all of it ends, also what has left its session", async () => {
  await using bench = benchForWarm();
  const leave = "setsid sh -c 'echo $$ >left.new; mv left.new left; exec tail -f /dev/null' &";
  await using process = warmProcess(bench, `${leave} ${WAIT}`);
  await process.findOrStart();
  const pids = [await pidOf(bench), Number(await fileWritten(`${bench.workFolder}/left`))];
  await process.stop();
  assertEquals(await Promise.all(pids.map(isAlive)), [false, false]);
});

Deno.test("warm process: what a crash has left is ended before it is started again", async () => {
  await using bench = benchForWarm();
  const leave = "setsid sh -c 'echo $$ >left.new; mv left.new left; exec tail -f /dev/null' &";
  await using process = warmProcess(bench, `${leave} sleep 0.2; exit 1`);
  const { exit } = await process.findOrStart();
  const left = Number(await fileWritten(`${bench.workFolder}/left`));
  await exit;
  assert(await isAlive(left));
  await process.findOrStart();
  assertEquals(await isAlive(left), false);
  await process.kill();
});

Deno.test("warm process: without a node it ends by itself", async () => {
  await using bench = benchForWarm();
  const process = warmProcess(bench, WAIT, 0);
  const execution = await process.findOrStart();
  const pid = await pidOf(bench);
  assert(await isAlive(pid));
  await process[Symbol.asyncDispose]();
  await whenGone(execution.pid);
  assertEquals(await isAlive(pid), false);
});

Deno.test("warm process: a node that comes in time keeps it loaded", async () => {
  await using bench = benchForWarm();
  const first = warmProcess(bench, WAIT, 1);
  await first.findOrStart();
  const pid = await pidOf(bench);
  const keeper = Deno.readTextFileSync(`${bench.folder}/loaded/model.keeper`).trim();
  assert(await isKeeping(keeper));
  await first[Symbol.asyncDispose]();
  await using second = warmProcess(bench, WAIT, 1);
  const found = await second.findOrStart();
  // It ends, and would end the process.
  while (await isKeeping(keeper));
  assert(await isAlive(pid));
  await second.kill();
  assertEquals((await found.exit).type, "killed");
});

Deno.test("warm process: once it has ended there is nothing to keep", async () => {
  await using bench = benchForWarm();
  const process = warmProcess(bench, WAIT);
  const execution = await process.findOrStart();
  const keeper = Deno.readTextFileSync(`${bench.folder}/loaded/model.keeper`).trim();
  const pid = await pidOf(bench);
  await process[Symbol.asyncDispose]();
  assert(await isKeeping(keeper));
  Deno.kill(pid, "SIGKILL");
  await whenGone(pid);
  await whenGone(execution.pid);
  while (await isKeeping(keeper));
});

Deno.test("warm process: another command replaces it", async () => {
  await using bench = benchForWarm();
  const first = warmProcess(bench, WAIT);
  await first.findOrStart();
  const pid = await pidOf(bench);
  await first[Symbol.asyncDispose]();
  Deno.removeSync(`${bench.workFolder}/pid`);
  await using second = warmProcess(bench, `: changed; ${WAIT}`);
  await second.findOrStart();
  assertEquals(await isAlive(pid), false);
  assert(await isAlive(await pidOf(bench)));
  await second.stop();
});
