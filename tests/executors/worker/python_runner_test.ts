import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileWritten, isAlive } from "../../support/executors.ts";
import { errorOf, outputOf, PythonBench } from "../../support/python_worker.ts";

function test(what: string, source: string, body: (bench: PythonBench) => Promise<void>): void {
  Deno.test(`a Python file as a worker: ${what}`, async () => {
    await using bench = new PythonBench(source);
    await body(bench);
  });
}

const SETUP = `
loaded = []
def setup():
    loaded.append("model")
def infer(x, **params):
    print("asked", end="")
    return {"x": x, "loaded": loaded, "bytes": b"a"}
`;

test("setup() is called once, and infer() for each command", SETUP, async (bench) => {
  for (const x of [1, 2]) {
    const result = JSON.parse(outputOf(await bench.do({ x })));
    assertEquals(result, { x, loaded: ["model"], bytes: "YQ==" });
  }
});

test("main() will do", "def main(**params):\n    return 'text'\n", async (bench) => {
  assertEquals(outputOf(await bench.do({})), "text");
});

test("an exception is the error, and the worker goes on", SETUP, async (bench) => {
  assertStringIncludes(errorOf(await bench.do({})), "TypeError");
  assertEquals((await bench.do({ x: 1 })).type, "answered");
});

const SAYS_ITS_PID = `
import os
def infer():
    return os.getpid()
`;

test("the next node goes on with it, unless the file was changed", SAYS_ITS_PID, async (bench) => {
  const first = outputOf(await bench.do({}));
  await bench.restart();
  assertEquals(outputOf(await bench.do({})), first);
  bench.source = "def infer():\n    return 'changed'\n";
  await bench.restart();
  assertEquals(outputOf(await bench.do({})), "changed");
});

const RAISES = `
def infer(x):
    return check(x)
def check(x):
    raise ValueError("not like that")
`;

test("an exception is shown from the user's file on", RAISES, async (bench) => {
  const exit = await bench.do({ x: 1 });
  const error = errorOf(exit).replaceAll(/"[^"]*infer.py"/g, '"infer.py"');
  // Python 3.11 and later mark parts of lines.
  assertEquals(error.split("\n").filter((line) => !/^[\s~^]+$/.test(line)), [
    '  File "infer.py", line 3, in infer',
    "    return check(x)",
    '  File "infer.py", line 5, in check',
    '    raise ValueError("not like that")',
    "ValueError: not like that",
  ]);
});

const GENERATOR = `
def infer():
    yield {"progress": 1, "total": 2}
    return "end"
`;

test("what a generator yields is progress", GENERATOR, async (bench) => {
  const { execution } = await bench.begin({});
  const reports: unknown[] = [];
  execution.onProgress = (progress) => void reports.push(progress);
  assertEquals(outputOf(await execution.exit), "end");
  assertEquals(reports, [{ progress: 1, total: 2 }]);
});

const WAITS = `
import time
def infer(forever=False):
    while forever:
        time.sleep(0.01)
    return "done"
`;

test("a cancel raises KeyboardInterrupt in it", WAITS, async (bench) => {
  const { execution } = await bench.begin({ forever: true });
  await execution.started;
  execution.stop("SIGTERM");
  assertEquals(errorOf(await execution.exit), "The command was cancelled");
  assertEquals(outputOf(await bench.do({})), "done");
});

const COG = `
class BasePredictor:
    pass
class Predictor(BasePredictor):
    def setup(self):
        self.model = "cog"
    def predict(self, n: int):
        return self.model * n
`;

test("a predict.py of Cog works the same way", COG, async (bench) => {
  assertEquals(outputOf(await bench.do({ n: 2 })), "cogcog");
});

const LARGE = "def infer(n):\n    return 'x' * n\n";

test("an answer of 50 MB passes", LARGE, async (bench) => {
  const { execution, folder } = await bench.begin({ n: 50_000_000 });
  assertEquals((await execution.exit).type, "answered");
  assertEquals(Deno.statSync(folder.outputFile("stdout")).size, 50_000_000);
});

const VARIABLES = `
import os
def infer():
    return [os.environ.get("CYBERWAVE_" + name) for name in ("RESULTS_FOLDER", "API_TOKEN")]
`;

test(
  "it has the variables of its command, and none of the one before",
  VARIABLES,
  async (bench) => {
    const env = { CYBERWAVE_RESULTS_FOLDER: "/results", CYBERWAVE_API_TOKEN: "for-one-workload" };
    const results = [await bench.do({}, env), await bench.do({})].map(outputOf);
    assertEquals(results.map((text) => JSON.parse(text)), [
      ["/results", "for-one-workload"],
      [null, null],
    ]);
  },
);

const TRACED = `
import os
def infer():
    return [os.environ.get("TRACEPARENT"), os.environ.get("TRACESTATE")]
`;

test("each command finds its own trace, and none that is another's", TRACED, async (bench) => {
  const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const envs: Record<string, string>[] = [{ TRACEPARENT, TRACESTATE: "a=1" }, { TRACEPARENT }, {}];
  const seen = [];
  for (const env of envs) seen.push(JSON.parse(outputOf(await bench.do({}, env))));
  assertEquals(seen, [[TRACEPARENT, "a=1"], [TRACEPARENT, null], [null, null]]);
});

const ASYNC = `
import asyncio
async def setup():
    global lock, loop
    lock, loop = asyncio.Lock(), asyncio.get_running_loop()
async def infer(forever=False):
    async with lock:
        await asyncio.sleep(3600 if forever else 0)
        return asyncio.get_running_loop() is loop
`;

test("async functions run in one event loop, and a cancel cancels them", ASYNC, async (bench) => {
  assertEquals(outputOf(await bench.do({})), "true");
  const { execution } = await bench.begin({ forever: true });
  await execution.started;
  execution.stop("SIGTERM");
  assertEquals(errorOf(await execution.exit), "The command was cancelled");
  assertEquals(outputOf(await bench.do({})), "true", "the lock is free again");
});

const ASYNC_GENERATOR = `
async def infer(fail=False):
    yield {"progress": 0.5}
    yield "a"
    if fail:
        raise ValueError("no b")
    yield "b"
`;

test("what an async generator yields is progress and output", ASYNC_GENERATOR, async (bench) => {
  const { execution } = await bench.begin({});
  const reports: unknown[] = [];
  execution.onProgress = (progress) => void reports.push(progress);
  assertEquals(outputOf(await execution.exit), '["a","b"]');
  assertEquals(reports, [{ progress: 0.5 }]);
  assertStringIncludes(errorOf(await bench.do({ fail: true })), "ValueError: no b");
});

const SLEEPS = `
import time
def infer(how, began):
    try:
        with open(began, "w") as file:
            file.write("began\\n")
        time.sleep(3600)
    except KeyboardInterrupt:
        if how == "answer":
            return "in spite of it"
        raise
`;

test(
  "a cancel interrupts what sleeps, and an answer in spite of it counts",
  SLEEPS,
  async (bench) => {
    for (const [how, ended] of [["answer", "in spite of it"], ["end", undefined]] as const) {
      const began = `${bench.workFolder}/${how}`;
      const { execution } = await bench.begin({ how, began });
      await fileWritten(began);
      execution.stop("SIGTERM");
      const exit = await execution.exit;
      if (ended !== undefined) assertEquals(outputOf(exit), ended);
      else assertEquals(errorOf(exit), "The command was cancelled");
    }
  },
);

const QUICK = `
import os
def infer():
    return os.getpid()
`;

test("a cancel that meets the answer changes no other command", QUICK, async (bench) => {
  const pid = outputOf(await bench.do({}));
  for (let count = 0; count < 300; count++) {
    const { execution } = await bench.begin({});
    if (count % 3 > 0) await execution.started;
    if (count % 3 > 1) await isAlive(Deno.pid);
    execution.stop("SIGTERM");
    const exit = await execution.exit;
    if (exit.type === "answered") assertEquals(outputOf(exit), pid);
    else assertEquals(errorOf(exit), "The command was cancelled");
  }
  assertEquals(outputOf(await bench.do({})), pid, "it is the same process");
});
