import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import type { WorkerProgram } from "../../../src/config/programs/workload_program.ts";
import type { ExecutorStatus, Exit } from "../../../src/executors/executor.ts";
import { WorkerExecutor } from "../../../src/executors/worker/worker_executor.ts";
import { GpuPool } from "../../../src/gpu/gpu_pool.ts";
import { systemClock } from "../../../src/time.ts";
import { Bench, fileWritten, HOST, isAlive, type Started } from "../../support/executors.ts";
import { Inbox } from "../../support/events.ts";
import { endWorkers } from "../../support/workers.ts";

const WORKER = new URL("./worker.py", import.meta.url).pathname;

const PROGRAM: WorkerProgram = {
  type: "worker",
  command: `python3 ${WORKER}`,
  workers: 1,
  concurrency: 1,
  ready: true,
  readyTimeout: 60,
  restartAfter: 0,
  unloadTimeout: 1,
  keepLoaded: 30,
  yieldTo: undefined,
};

interface Setup {
  readonly program?: Partial<WorkerProgram>;
  readonly env?: Readonly<Record<string, string>>;
  /** The GPUs that there are, and how many a worker gets. */
  readonly gpus?: { readonly names: readonly string[]; readonly count: number };
}

/** A place for workers, which all end with it. */
class WorkerBench extends Bench {
  readonly statuses = new Inbox<ExecutorStatus>();
  /** What is different from the next restart on. */
  changed: Partial<WorkerProgram> = {};
  /** The GPUs of the next node. */
  names: readonly string[] | undefined;
  /** The GPUs of this node, which gives none away until it has started. */
  declare pool: GpuPool;

  constructor({ program, env = {}, gpus }: Setup = {}) {
    super((bench) => {
      const names = (bench as WorkerBench).names ?? gpus?.names ?? [];
      const pool = (bench as WorkerBench).pool = new GpuPool({ names });
      const { workFolder, logger, folder } = bench;
      const options = { ...PROGRAM, ...program, ...(bench as WorkerBench).changed };
      const executor = new WorkerExecutor({
        name: "worker-inference",
        program: options,
        source: options.command,
        files: [],
        workersFolder: `${folder}/workers`,
        env: { PATH: Deno.env.get("PATH")!, LOADS: `${workFolder}/loads`, ...env },
        workFolder,
        maxOutputFiles: 1 << 30,
        ...(gpus && { gpus: { source: pool, count: gpus.count } }),
        host: HOST,
        clock: systemClock,
        random: () => 0,
        logger,
      });
      executor.onStatus = (status) => (bench as WorkerBench).statuses?.push(status);
      return executor;
    });
  }

  /** Resolves when there is room for a command. */
  async room(): Promise<void> {
    const { executor } = this;
    for (;;) {
      const place = executor.reserve({ id: "c0", kind: "inference" });
      if (place !== undefined) return "release" in place ? place.release() : undefined;
      await new Promise<void>((resolve) => executor.onRoom = resolve);
    }
  }

  /** Starts a command as soon as there is room. */
  async begin(params: Record<string, unknown>, id?: string): Promise<Started> {
    await this.room();
    return this.start({ params: JSON.stringify(params), ...(id && { id }) });
  }

  /** Resolves when a file of the worker holds a text. */
  async logged(name: string, text: string): Promise<void> {
    const path = `${this.folder}/workers/worker-inference-0/log/${name}`;
    while (!existsSync(path) || !Deno.readTextFileSync(path).includes(text)) {
      // Looking takes a process, which is a pause.
      await isAlive(Deno.pid);
    }
  }

  /** How a command ends. */
  async do(params: Record<string, unknown>): Promise<Exit> {
    return await (await this.begin(params)).execution.exit;
  }

  /** The pids of the workers that were loaded so far. */
  loads(): number[] {
    const text = Deno.readTextFileSync(`${this.workFolder}/loads`).trim();
    return text.split("\n").map(Number);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.executor[Symbol.asyncDispose]();
    await endWorkers(`${this.folder}/workers`);
    await super[Symbol.asyncDispose]();
  }
}

function textOf(exit: Exit): string {
  assert(exit.type === "answered", JSON.stringify(exit));
  return new TextDecoder().decode(exit.output.stdout);
}

function test(what: string, setup: Setup, body: (bench: WorkerBench) => Promise<void>): void {
  Deno.test(`worker: ${what}`, async () => {
    await using bench = new WorkerBench(setup);
    await body(bench);
  });
}

test("commands go to one process that is loaded once, and leave no files", {}, async (bench) => {
  for (const n of [1, 2, 3]) assertEquals(textOf(await bench.do({ n })), JSON.stringify({ n }));
  assertEquals(bench.loads().length, 1);
  assertEquals([...Deno.readDirSync(bench.workloadsFolder)], []);
});

test("a string is the output as it is", {}, async (bench) => {
  assertEquals(textOf(await bench.do({ do: "text", text: 'say "hi"\n' })), 'say "hi"\n');
});

test("an error is a failure with its message", {}, async (bench) => {
  const exit = await bench.do({ do: "fail" });
  assertEquals(exit.type === "failed" && exit.error, "sorry");
});

test("an answer that is no JSON is a failure, and the worker goes on", {}, async (bench) => {
  const exit = await bench.do({ do: "nan" });
  assertStringIncludes(exit.type === "failed" ? exit.error : "", "NaN");
  assertEquals((await bench.do({})).type, "answered");
  assertEquals(bench.loads().length, 1);
});

test("params of 16 MB go through a file, which goes with the answer", {}, async (bench) => {
  const { execution, folder } = await bench.begin({ do: "count", text: "é".repeat(8_000_000) });
  assertEquals(textOf(await execution.exit), "8000000");
  assertEquals(existsSync(folder.paramsFile), false);
});

test("an answer of 50 MB comes as a file", {}, async (bench) => {
  const file = `${bench.workFolder}/answer`;
  const { execution, folder } = await bench.begin({ do: "much", bytes: 50_000_000, file });
  assertEquals((await execution.exit).type, "answered");
  assertEquals(Deno.statSync(folder.outputFile("stdout")).size, 50_000_000);
  assertEquals(existsSync(file), false);
});

test("a line that is too long is a failure, and the worker goes on", {}, async (bench) => {
  const exit = await bench.do({ do: "long" });
  assertStringIncludes(exit.type === "failed" ? exit.error : "", "result_file");
  assertEquals((await bench.do({})).type, "answered");
  assertEquals(bench.loads().length, 1);
});

test(
  "a line that is too long is that of a command also where the id stands last",
  {},
  async (bench) => {
    for (const bytes of [4 * 1024 * 1024 - 40, 5_000_000]) {
      const exit = await bench.do({ do: "long_then_id", bytes });
      assertStringIncludes(exit.type === "failed" ? exit.error : "", "result_file");
    }
  },
);

test("a worker that does not keep to the protocol is told so, once", {}, async (bench) => {
  const answer = '{"jsonrpc":"2.0","id":"ID","result":1}';
  const lines = [`90% ${answer}`, `91% ${answer}`, `${answer}\n${answer}`, answer];
  for (const line of lines) await bench.do({ do: "raw", text: `${line}\n` });
  assertEquals(
    textOf(await bench.do({ do: "raw", text: `{"id":"ID","result":2}\n${answer}\n` })),
    "1",
  );
  assertEquals(bench.logger.shown.filter((line) => line.includes("protocol")), [
    "warn: The worker does not keep to the protocol: it prints text and a message on one line, which " +
    "belongs on stderr",
    "warn: The worker does not keep to the protocol: it has answered a command twice, or one that it was " +
    "not given",
    'warn: The worker does not keep to the protocol: its answer lacks "jsonrpc": "2.0"',
  ]);
});

test("an answer without a line break counts, also when the worker ends with it", {
  env: { TAKES: "1" },
}, async (bench) => {
  const text = '{"jsonrpc":"2.0","id":"ID","result":"all of it"}';
  const { execution } = await bench.begin({ do: "raw", text });
  await bench.logged("out.log", "all of it");
  Deno.kill(bench.loads().at(-1)!, "SIGKILL");
  assertEquals(textOf(await execution.exit), "all of it");
});

test("a worker that ends does not say what it printed for earlier commands", {}, async (bench) => {
  await bench.do({ do: "garbage" });
  const exit = await bench.do({ do: "exit" });
  assertEquals(
    exit.type === "failed" && exit.error,
    "The worker exited with code 3:\nout of memory",
  );
});

test("a worker that takes fewer commands than it may keeps to that after a restart", {
  program: { concurrency: 2 },
  env: { TAKES: "1" },
}, async (bench) => {
  await bench.room();
  await bench.restart();
  await bench.room();
  assertEquals(bench.loads().length, 1);
  const go = `${bench.workFolder}/go`;
  const { execution } = await bench.begin({ do: "wait", until: go });
  assertEquals(bench.executor.reserve({ id: "c2", kind: "inference" }), undefined);
  Deno.writeTextFileSync(go, "");
  assertEquals(textOf(await execution.exit), "waited");
});

test("an answer behind garbage is found, and the rest is log output", {}, async (bench) => {
  const exit = await bench.do({ do: "garbage" });
  assertEquals(textOf(exit), "found");
  assert(exit.type === "answered");
  assertEquals(new TextDecoder().decode(exit.output.stderr), "loading 100% \n");
});

test("what is printed while one command is in hand belongs to it", {}, async (bench) => {
  const go = `${bench.workFolder}/go`;
  const { execution } = await bench.begin({ do: "wait", until: go });
  await bench.logged("err.log", "waiting");
  Deno.writeTextFileSync(go, "");
  const exit = await execution.exit;
  assert(exit.type === "answered");
  assertEquals(new TextDecoder().decode(exit.output.stderr), "waiting\n");
});

test("progress is reported", {}, async (bench) => {
  const { execution } = await bench.begin({ do: "progress" });
  const reports: unknown[] = [];
  execution.onProgress = (progress) => void reports.push(progress);
  await execution.exit;
  assertEquals(reports, [{ progress: 1, total: 2, message: "half" }]);
});

test("the request names what belongs to it", {}, async (bench) => {
  const env = { CYBERWAVE_RESULTS_FOLDER: "/r", CYBERWAVE_API_TOKEN: "t" };
  await bench.room();
  const { execution } = bench.start({ params: '{"do":"request"}', requestId: "r1", env });
  assertEquals(JSON.parse(textOf(await execution.exit)), {
    jsonrpc: "2.0",
    method: "inference",
    request_id: "r1",
    results_folder: "/r",
    token: "t",
  });
  const files = [...Deno.readDirSync(`${bench.folder}/workers/worker-inference-0`)]
    .filter(({ isFile }) => isFile);
  for (const { name } of files) {
    const text = Deno.readTextFileSync(`${bench.folder}/workers/worker-inference-0/${name}`);
    assert(!text.includes('"t"'), name);
  }
});

test("a cancel asks the command to stop, and the worker goes on", {}, async (bench) => {
  const { execution } = await bench.begin({ do: "wait", until: "/nowhere" });
  await execution.started;
  execution.stop("SIGTERM");
  const exit = await execution.exit;
  assertEquals(exit.type === "failed" && exit.error, "stopped");
  assertEquals((await bench.do({})).type, "answered");
  assertEquals(bench.loads().length, 1);
});

test("a command that does not stop is killed with its worker, which is there again", {
  program: { concurrency: 2 },
}, async (bench) => {
  const stubborn = await bench.begin({ do: "stubborn", until: "/nowhere" });
  const other = await bench.begin({ do: "wait", until: "/nowhere" });
  await Promise.all([stubborn.execution.started, other.execution.started]);
  const { sharedPid, pid } = stubborn.execution;
  assertEquals([pid, sharedPid !== undefined], [undefined, true]);
  stubborn.execution.stop("SIGTERM");
  stubborn.execution.stop("SIGKILL");
  const exit = await stubborn.execution.exit;
  assertStringIncludes(exit.type === "killed" ? exit.note! : "", "had to be killed");
  const beside = await other.execution.exit;
  assertStringIncludes(beside.type === "failed" ? beside.error : "", "did not stop");
  assertEquals((await bench.do({})).type, "answered");
  assertEquals(await isAlive(bench.loads()[0]!), false);
});

for (
  const [what, said] of [["exit", "exited with code 3:\nout of memory"], ["kill", "signal 9"]]
) {
  test(`a crash fails the command in hand and nothing else: ${what}`, {}, async (bench) => {
    const exit = await bench.do({ do: what });
    assertStringIncludes(exit.type === "failed" ? exit.error : "", said!);
    assertEquals((await bench.do({})).type, "answered");
    assertEquals(bench.loads().length, 2);
  });
}

test("a command whose worker ends before it is handed over may run later", {}, async (bench) => {
  await bench.room();
  const folder = bench.nextFolder();
  const place = bench.reserve({ id: "c1", kind: "inference" });
  Deno.kill(bench.loads()[0]!, "SIGKILL");
  await bench.statuses.next(({ state }) => state === "restarting");
  const work = { id: "c1", kind: "inference", params: "{}", files: [], env: {}, folder };
  assertEquals(await place.start(work).exit, {
    type: "not_started",
    why: "its worker has ended",
    mayRunLater: true,
  });
  assertEquals(
    (await bench.begin({ do: "echo" }, "c1").then(({ execution }) => execution.exit)).type,
    "answered",
  );
});

test("what does not fit into the pipe of a worker that ends may run later, and nothing else", {
  program: { command: "echo $$ >pid; exec tail -f /dev/null", concurrency: 100, ready: false },
}, async (bench) => {
  await bench.room();
  const params = JSON.stringify({ text: "x".repeat(3_000) });
  const started = Array.from({ length: 100 }, () => bench.start({ params }));
  await started[0]!.execution.started;
  Deno.kill(Number(await fileWritten(`${bench.workFolder}/pid`)), "SIGKILL");
  const exits = await Promise.all(started.map(({ execution }) => execution.exit));
  const failed = exits.findLastIndex(({ type }) => type === "failed");
  assert(failed > 0 && failed < 99);
  const types = exits.map((exit) => exit.type === "not_started" && exit.mayRunLater);
  assertEquals(types, exits.map((_, index) => index > failed));
});

test("a worker that cannot load is given up for a while, with the reason", {
  program: { readyTimeout: 1 },
  env: { FAIL_TO_LOAD: "yes" },
}, async (bench) => {
  const { reason } = await bench.statuses.next(({ state }) => state === "restarting");
  assertStringIncludes(reason!, "no such model");
});

test("a worker that says nothing in time has failed", {
  program: { command: "exec tail -f /dev/null", readyTimeout: 0.2 },
}, async (bench) => {
  await bench.statuses.next(({ state }) => state === "failed");
  const place = bench.executor.reserve({ id: "c1", kind: "inference" });
  assert(place !== undefined && "problem" in place);
  assertStringIncludes(place.problem, "not ready within 0.2 s");
});

test(
  "the next node finds the worker loaded, and the answer that came meanwhile",
  {},
  async (bench) => {
    const go = `${bench.workFolder}/go`;
    const { execution, folder } = await bench.begin({ do: "wait", until: go }, "c1");
    const handle = await execution.started;
    execution.detach();
    await bench.restart();
    const found = await bench.recoverRunning(handle, folder);
    assertEquals(found.execution.pid, handle.process!.pid);
    Deno.writeTextFileSync(go, "");
    assertEquals(textOf(await found.execution.exit), "waited");
    assertEquals((await bench.do({})).type, "answered");
    assertEquals(bench.loads().length, 1);
  },
);

test("an answer that came without a node is found", {}, async (bench) => {
  const [go, began] = [`${bench.workFolder}/go`, `${bench.workFolder}/began`];
  const { execution, folder } = await bench.begin({ do: "wait", until: go, began }, "c1");
  const handle = await execution.started;
  await fileWritten(began);
  execution.detach();
  await bench.executor[Symbol.asyncDispose]();
  Deno.writeTextFileSync(go, "");
  await bench.logged("out.log", "waited");
  await bench.restart();
  const found = await bench.recoverRunning(handle, folder);
  assertEquals(textOf(await found.execution.exit), "waited");
});

test("what was announced and never handed over may be run again", {}, async (bench) => {
  await bench.room();
  const { handle } = bench.reserve({ id: "c1", kind: "inference" });
  await bench.restart();
  const folder = bench.nextFolder();
  assertEquals(await bench.executor.recover(handle, folder), { type: "not_started" });
});

test("what an ended worker had in hand has failed, and is not run again", {}, async (bench) => {
  const { execution, folder } = await bench.begin({ do: "wait", until: "/nowhere" }, "c1");
  const handle = await execution.started;
  execution.detach();
  await bench.executor[Symbol.asyncDispose]();
  Deno.kill(bench.loads()[0]!, "SIGKILL");
  await bench.logged("exit", "\n");
  await bench.restart();
  const recovered = await bench.executor.recover(handle, folder);
  assert(recovered.type === "ended" && recovered.exit.type === "failed");
  assertStringIncludes(recovered.exit.error, "signal 9");
  assertEquals((await bench.do({})).type, "answered");
});

test("a start before the last reboot is lost", {}, async (bench) => {
  await bench.room();
  const { handle } = bench.reserve({ id: "c1", kind: "inference" });
  const other = { ...handle, bootId: "another" };
  const recovered = await bench.executor.recover(other, bench.nextFolder());
  assertEquals(recovered.type === "ended" && recovered.exit.type, "lost");
});

test("a worker without a node ends by itself, with all it has started", {
  program: {
    keepLoaded: 0,
    unloadTimeout: 0,
    command: `tail -f /dev/null & echo $! >pid; python3 ${WORKER}; tail -f /dev/null`,
  },
}, async (bench) => {
  await bench.room();
  await bench.executor[Symbol.asyncDispose]();
  await bench.logged("exit", "\n");
  assertEquals(await isAlive(bench.loads()[0]!), false);
  assertEquals(await isAlive(Number(Deno.readTextFileSync(`${bench.workFolder}/pid`))), false);
});

test("unloading ends the worker at once", {}, async (bench) => {
  await bench.room();
  await bench.executor.unload!();
  assertEquals(await isAlive(bench.loads()[0]!), false);
  assertEquals(bench.executor.reserve({ id: "c1", kind: "inference" }), undefined);
});

test(
  "a changed command replaces the worker, which finishes what it has in hand",
  {},
  async (bench) => {
    const go = `${bench.workFolder}/go`;
    const { execution, folder } = await bench.begin({ do: "wait", until: go }, "c1");
    const handle = await execution.started;
    execution.detach();
    bench.changed = { command: `${PROGRAM.command} --again` };
    await bench.restart();
    const found = await bench.recoverRunning(handle, folder);
    Deno.writeTextFileSync(go, "");
    assertEquals(textOf(await found.execution.exit), "waited");
    assertEquals((await bench.do({})).type, "answered");
    assertEquals(bench.loads().length, 2);
  },
);

test(
  "a worker is replaced after so many commands",
  { program: { restartAfter: 2 } },
  async (bench) => {
    for (const _ of [1, 2, 3]) assertEquals((await bench.do({})).type, "answered");
    assertEquals(bench.loads().length, 2);
  },
);

test("several workers share the commands", { program: { workers: 2 } }, async (bench) => {
  const go = `${bench.workFolder}/go`;
  const first = await bench.begin({ do: "wait", until: go });
  const second = await bench.begin({ do: "wait", until: go });
  assert(first.execution.pid !== second.execution.pid);
  assertEquals(bench.executor.status().state, "busy");
  Deno.writeTextFileSync(go, "");
  for (const { execution } of [first, second]) assertEquals(textOf(await execution.exit), "waited");
});

test("a file of answers is emptied only when their ends are stored", {}, async (bench) => {
  const out = `${bench.folder}/workers/worker-inference-0/log/out.log`;
  const text = "x".repeat(1_200_000);
  const started = await bench.begin({ do: "text", text });
  await started.execution.exit;
  assert(Deno.statSync(out).size > text.length);
  const { execution } = await bench.begin({});
  await execution.exit;
  assert(Deno.statSync(out).size > text.length);
  for (const { execution: ended } of [started, { execution }]) ended.stored!();
  assertEquals(Deno.statSync(out).size, 0);
  assertEquals((await bench.do({})).type, "answered");
});

/** Resolves when the workers make room and none of them is loaded. */
async function yielded({ executor }: WorkerBench): Promise<void> {
  while (!executor.hasYielded) await new Promise<void>((resolve) => executor.onRoom = resolve);
}

const YIELDING = { program: { yieldTo: "training", workers: 2 } } as const;

test(
  "they make room once they have nothing in hand, and are loaded again later",
  YIELDING,
  async (bench) => {
    const { executor } = bench;
    executor.setYielding!(false);
    const go = `${bench.workFolder}/go`;
    const { execution } = await bench.begin({ do: "wait", until: go });
    executor.setYielding!(true);
    assertEquals(executor.status(), {
      state: "yielding",
      reason: "a training command runs or waits",
    });
    assertEquals(executor.reserve({ id: "c1", kind: "inference" }), undefined);
    assertEquals([executor.hasYielded, await isAlive(execution.pid!)], [false, true]);
    Deno.writeTextFileSync(go, "");
    assertEquals(textOf(await execution.exit), "waited");
    await yielded(bench);
    for (const pid of bench.loads()) assertEquals(await isAlive(pid), false);
    executor.setYielding!(false);
    assertEquals([executor.hasYielded, (await bench.do({})).type], [false, "answered"]);
  },
);

test(
  "they go on where room is not needed any more before they have ended",
  YIELDING,
  async (bench) => {
    const { executor } = bench;
    executor.setYielding!(false);
    const go = `${bench.workFolder}/go`;
    const { execution } = await bench.begin({ do: "wait", until: go });
    for (const isYielding of [true, false]) executor.setYielding!(isYielding);
    Deno.writeTextFileSync(go, "");
    await execution.exit;
    assertEquals((await bench.do({})).type, "answered");
    assertEquals([await isAlive(execution.pid!), executor.hasYielded], [true, false]);
  },
);

test("a node that starts while there must be room loads none, and ends what it finds", {
  program: { yieldTo: "training" },
}, async (bench) => {
  bench.executor.setYielding!(false);
  await bench.do({});
  const [pid] = bench.loads();
  for (const isAliveThen of [true, false]) {
    await bench.restart();
    assertEquals([await isAlive(pid!), bench.executor.hasYielded], [isAliveThen, false]);
    bench.executor.setYielding!(true);
    await yielded(bench);
    assertEquals(await isAlive(pid!), false);
  }
  assertEquals(bench.loads().length, 1);
});

test("one that crashes again and again makes room at once, and is tried again after it", {
  program: { yieldTo: "training", command: 'test -e fixed && exec python3 "$WORKER"' },
  env: { WORKER },
}, async (bench) => {
  const { executor } = bench;
  executor.setYielding!(false);
  await bench.statuses.next(({ state }) => state === "restarting");
  executor.setYielding!(true);
  await yielded(bench);
  assertEquals(executor.status().state, "yielding");
  Deno.writeTextFileSync(`${bench.workFolder}/fixed`, "");
  executor.setYielding!(false);
  assertEquals((await bench.do({})).type, "answered");
});

test(
  "a worker whose supervisor is killed ends with that, and its command is answered",
  {},
  async (bench) => {
    const began = `${bench.workFolder}/began`;
    const params = { do: "wait", until: `${bench.folder}/never`, began };
    const { execution } = await bench.begin(params);
    await fileWritten(began);
    Deno.kill(execution.pid!, "SIGKILL");
    const exit = await execution.exit;
    assertStringIncludes(exit.type === "failed" ? exit.error : "", "The worker was killed");
    assertEquals(await isAlive(bench.loads()[0]!), false);
    assertEquals(textOf(await bench.do({ do: "text", text: "next" })), "next");
  },
);

for (const isFirst of [true, false]) {
  const what = isFirst ? "before the next node comes" : "when another node has found it";
  test(`a worker ends whose supervisor is killed ${what}`, {}, async (bench) => {
    const began = `${bench.workFolder}/began`;
    const params = { do: "wait", until: `${bench.folder}/never`, began };
    const { execution, folder } = await bench.begin(params);
    const handle = await execution.started;
    await fileWritten(began);
    const supervisor = execution.pid!;
    execution.detach();
    if (isFirst) {
      await bench.executor[Symbol.asyncDispose]();
      Deno.kill(supervisor, "SIGKILL");
    }
    await bench.restart();
    const recovered = await bench.executor.recover(handle, folder);
    if (!isFirst) Deno.kill(supervisor, "SIGKILL");
    const exit = recovered.type === "running"
      ? await recovered.execution.exit
      : recovered.type === "ended" && recovered.exit;
    assertStringIncludes(exit && exit.type === "failed" ? exit.error : "", "The worker was killed");
    assertEquals(await isAlive(bench.loads()[0]!), false);
    await bench.room();
  });
}

/** Writes down which GPUs each worker sees. */
const SEES = `echo "$CUDA_VISIBLE_DEVICES" >>seen; exec python3 ${WORKER}`;

const ONE_GPU = { names: ["0"], count: 1 };

test(
  "two workers that need the same GPU have it one after the other",
  { gpus: ONE_GPU, program: { command: SEES, workers: 2 } },
  async (bench) => {
    bench.pool.open();
    await bench.do({ n: 1 });
    assertEquals(bench.loads().length, 1, "the other one waits");
    const [first] = bench.loads();
    await bench.do({ do: "exit" });
    assertEquals(textOf(await bench.do({ n: 2 })), JSON.stringify({ n: 2 }));
    assert(bench.loads().length === 2 && bench.loads()[1] !== first);
    assertEquals(Deno.readTextFileSync(`${bench.workFolder}/seen`), "0\n0\n");
  },
);

test(
  "a worker keeps its GPU for the next node, and nobody else gets it before that looks",
  { gpus: { names: ["0", "1"], count: 1 }, program: { command: SEES } },
  async (bench) => {
    bench.pool.open();
    await bench.do({ n: 1 });
    await bench.restart();
    assertEquals(bench.pool.states()[0]!.holders, ["worker-inference-0"]);
    bench.pool.open();
    assertEquals(bench.pool.take("a", 1), ["1"]);
    await bench.do({ n: 2 });
    assertEquals(bench.loads().length, 1);
  },
);

test(
  "a worker whose GPU is no longer to be given is replaced by one that has another",
  { gpus: ONE_GPU, program: { command: SEES } },
  async (bench) => {
    bench.pool.open();
    await bench.do({ n: 1 });
    bench.names = ["1"];
    await bench.restart();
    bench.pool.open();
    await bench.do({ n: 2 });
    assertEquals(Deno.readTextFileSync(`${bench.workFolder}/seen`), "0\n1\n");
  },
);

test(
  "a worker that makes room gives its GPU back",
  { gpus: ONE_GPU, program: { yieldTo: "training" } },
  async (bench) => {
    bench.pool.open();
    const { executor } = bench;
    executor.setYielding!(false);
    await bench.do({ n: 1 });
    assertEquals(bench.pool.available, 0);
    executor.setYielding!(true);
    await yielded(bench);
    assertEquals(bench.pool.take("training", 1), ["0"]);
    executor.setYielding!(false);
    bench.pool.release("training");
    await bench.do({ n: 2 });
    assertEquals(bench.loads().length, 2);
  },
);

/** What copies the output of a worker, by its supervisor: each time a shell, and its program. */
function pumpsOf(supervisor: number): { shell: number; program: number }[] {
  const { stdout } = new Deno.Command("ps", { args: ["-A", "-o", "pid=,ppid=,comm="] })
    .outputSync();
  const rows = new TextDecoder().decode(stdout).trim().split("\n")
    .map((line) => line.trim().split(/\s+/));
  const childrenOf = (parent: string) => rows.filter(([, of]) => of === parent);
  return childrenOf(`${supervisor}`).flatMap(([shell]) =>
    childrenOf(shell!).filter(([, , name]) => name === "cat")
      .map(([program]) => ({ shell: Number(shell), program: Number(program) }))
  );
}

for (const which of [0, 1]) {
  test(
    `a worker whose output is not copied any more is ended, and loaded again: pump ${which}`,
    {},
    async (bench) => {
      const { execution } = await bench.begin({ do: "wait", until: "/nowhere" });
      await execution.started;
      const pumps = pumpsOf(execution.pid!);
      assertEquals(pumps.length, 2);
      Deno.kill(pumps[which]!.program, "SIGKILL");
      const exit = await execution.exit;
      assertStringIncludes(exit.type === "failed" ? exit.error : "", "signal 9");
      assertEquals((await bench.do({})).type, "answered");
      assertEquals(bench.loads().length, 2);
    },
  );
}

test(
  "a worker ends, too, whose output is not copied and nobody there sees it",
  {},
  async (bench) => {
    const { execution } = await bench.begin({ do: "wait", until: "/nowhere" });
    await execution.started;
    const [{ shell, program }] = pumpsOf(execution.pid!) as [{ shell: number; program: number }];
    for (const pid of [shell, program]) Deno.kill(pid, "SIGKILL");
    const exit = await execution.exit;
    assertStringIncludes(exit.type === "failed" ? exit.error : "", "signal 9");
    assertEquals(bench.logger.shown.filter((line) => line.includes("closed its output")), [
      "error: A worker has closed its output, or what copies that was killed; killing it",
    ]);
    assertEquals((await bench.do({})).type, "answered");
  },
);
