import { assert, assertEquals } from "@std/assert";
import { ProcessExecutor } from "../../../src/executors/process/process_executor.ts";
import type { GpusForEach } from "../../../src/executors/warm/gpu_share.ts";
import { WarmProcess } from "../../../src/executors/warm/warm_process.ts";
import { GpuPool } from "../../../src/gpu/gpu_pool.ts";
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
function warmProcess(
  bench: Bench,
  command: string,
  keepLoaded = 60,
  gpus?: GpusForEach,
): WarmProcess {
  return new WarmProcess({
    name: "model",
    command,
    loadedFolder: `${bench.folder}/loaded`,
    workFolder: bench.workFolder,
    env: { PATH: Deno.env.get("PATH")! },
    host: HOST,
    maxOutputFiles: 1 << 20,
    keepLoaded,
    ...(gpus && { gpus }),
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
  const { exit } = await process.findOrStart(new AbortController().signal);
  assertEquals(process.describe(await exit), "The program exited with code 4: no GPU");
});

Deno.test("warm process: a code that only says which signal ended it is explained", async () => {
  await using bench = benchForWarm();
  await using process = warmProcess(bench, "echo loading; kill -SEGV $$");
  const { exit } = await process.findOrStart(new AbortController().signal);
  assertEquals(
    process.describe(await exit),
    "The program exited with code 139 (killed by SIGSEGV, a crash): loading",
  );
});

Deno.test("warm process: all of it ends, also what has left its session", async () => {
  await using bench = benchForWarm();
  const leave = "setsid sh -c 'echo $$ >left.new; mv left.new left; exec tail -f /dev/null' &";
  await using process = warmProcess(bench, `${leave} ${WAIT}`);
  await process.findOrStart(new AbortController().signal);
  const pids = [await pidOf(bench), Number(await fileWritten(`${bench.workFolder}/left`))];
  await process.stop();
  assertEquals(await Promise.all(pids.map(isAlive)), [false, false]);
});

Deno.test("warm process: what a crash has left is ended before it is started again", async () => {
  await using bench = benchForWarm();
  const leave = "setsid sh -c 'echo $$ >left.new; mv left.new left; exec tail -f /dev/null' &";
  await using process = warmProcess(bench, `${leave} sleep 0.2; exit 1`);
  const { exit } = await process.findOrStart(new AbortController().signal);
  const left = Number(await fileWritten(`${bench.workFolder}/left`));
  await exit;
  assert(await isAlive(left));
  await process.findOrStart(new AbortController().signal);
  assertEquals(await isAlive(left), false);
  await process.kill();
});

Deno.test("warm process: without a node it ends by itself", async () => {
  await using bench = benchForWarm();
  const process = warmProcess(bench, WAIT, 0);
  const execution = await process.findOrStart(new AbortController().signal);
  const pid = await pidOf(bench);
  assert(await isAlive(pid));
  await process[Symbol.asyncDispose]();
  await whenGone(execution.pid);
  assertEquals(await isAlive(pid), false);
});

Deno.test("warm process: a node that comes in time keeps it loaded", async () => {
  await using bench = benchForWarm();
  const first = warmProcess(bench, WAIT, 1);
  await first.findOrStart(new AbortController().signal);
  const pid = await pidOf(bench);
  const keeper = Deno.readTextFileSync(`${bench.folder}/loaded/model.keeper`).trim();
  assert(await isKeeping(keeper));
  await first[Symbol.asyncDispose]();
  await using second = warmProcess(bench, WAIT, 1);
  const found = await second.findOrStart(new AbortController().signal);
  // It ends, and would end the process.
  while (await isKeeping(keeper));
  assert(await isAlive(pid));
  await second.kill();
  assertEquals((await found.exit).type, "killed");
});

Deno.test("warm process: once it has ended there is nothing to keep", async () => {
  await using bench = benchForWarm();
  const process = warmProcess(bench, WAIT);
  const execution = await process.findOrStart(new AbortController().signal);
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
  await first.findOrStart(new AbortController().signal);
  const pid = await pidOf(bench);
  await first[Symbol.asyncDispose]();
  Deno.removeSync(`${bench.workFolder}/pid`);
  await using second = warmProcess(bench, `: changed; ${WAIT}`);
  await second.findOrStart(new AbortController().signal);
  assertEquals(await isAlive(pid), false);
  assert(await isAlive(await pidOf(bench)));
  await second.stop();
});

const SEES = `echo "$CUDA_VISIBLE_DEVICES" >>seen; ${WAIT}`;

Deno.test("warm process: it waits for its GPU, keeps it over nodes, and gives it back at its end", async () => {
  await using bench = benchForWarm();
  const pools = [1, 2].map(() => new GpuPool({ names: ["0"] }));
  const { signal } = new AbortController();
  const first = warmProcess(bench, SEES, 60, { source: pools[0]!, count: 1 });
  pools[0]!.open();
  pools[0]!.take("training", 1);
  const starting = first.findOrStart(signal);
  await bench.logger.lines.next(({ message }) => message === "model waits for 1 GPU");
  pools[0]!.release("training");
  await starting;
  const pid = await pidOf(bench);
  assertEquals(pools[0]!.available, 0);
  await first[Symbol.asyncDispose]();
  await using second = warmProcess(bench, SEES, 60, { source: pools[1]!, count: 1 });
  pools[1]!.open();
  assertEquals(pools[1]!.available, 0);
  await second.findOrStart(signal);
  assert(await isAlive(pid));
  await second.stop();
  assertEquals(pools[1]!.available, 1);
  assertEquals(Deno.readTextFileSync(`${bench.workFolder}/seen`), "0\n");
});

Deno.test("warm process: one that is not wanted any more waits for no GPU", async () => {
  await using bench = benchForWarm();
  const pool = new GpuPool({ names: ["0"] });
  pool.open();
  pool.take("training", 1);
  await using process = warmProcess(bench, SEES, 60, { source: pool, count: 1 });
  const stopping = new AbortController();
  const starting = process.findOrStart(stopping.signal);
  await bench.logger.lines.next(({ message }) => message === "model waits for 1 GPU");
  stopping.abort(new Error("not wanted"));
  const error = await starting.catch((error) => error);
  assertEquals(error.message, "not wanted");
  pool.release("training");
  assertEquals(pool.available, 1);
});
