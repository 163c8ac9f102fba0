import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { resolveConfig } from "../../../src/config/resolve.ts";
import type { WorkerProgram } from "../../../src/config/workload_program.ts";
import type { Exit } from "../../../src/executors/executor.ts";
import type { WorkerExecutor } from "../../../src/executors/worker/worker_executor.ts";
import { createWorkerExecutor } from "../../../src/node/create_worker_executor.ts";
import { systemClock } from "../../../src/time.ts";
import { Bench, HOST } from "../../support/executors.ts";

/** A Python file behind the node's own program. */
class PythonBench extends Bench {
  constructor(source: string) {
    super(({ workFolder, folder, logger }) => {
      Deno.writeTextFileSync(`${workFolder}/infer.py`, source);
      const inference = { worker: "infer.py" };
      const settings = resolveConfig({ inference, workFolder, stateFolder: folder });
      const env = { PATH: Deno.env.get("PATH")! };
      return createWorkerExecutor(
        "inference",
        settings.inference as WorkerProgram,
        { settings, env, host: HOST, loggerFor: () => logger },
        systemClock,
      );
    });
  }

  async do(params: Record<string, unknown>): Promise<Exit> {
    return await (await this.begin(params)).execution.exit;
  }

  async begin(params: Record<string, unknown>) {
    const { executor } = this;
    for (;;) {
      const place = executor.reserve({ id: "c0", kind: "inference" });
      if (place !== undefined && "release" in place) {
        place.release();
        return this.start({ params: JSON.stringify(params) });
      }
      await new Promise<void>((resolve) => executor.onRoom = resolve);
    }
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await (this.executor as WorkerExecutor).unload();
    await super[Symbol.asyncDispose]();
  }
}

function test(what: string, source: string, body: (bench: PythonBench) => Promise<void>): void {
  Deno.test(`a Python file as a worker: ${what}`, async () => {
    await using bench = new PythonBench(source);
    await body(bench);
  });
}

function textOf(exit: Exit): string {
  assert(exit.type === "answered", JSON.stringify(exit));
  return new TextDecoder().decode(exit.output.stdout);
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
    const result = JSON.parse(textOf(await bench.do({ x })));
    assertEquals(result, { x, loaded: ["model"], bytes: "YQ==" });
  }
});

test("main() will do", "def main(**params):\n    return 'text'\n", async (bench) => {
  assertEquals(textOf(await bench.do({})), "text");
});

test("an exception is the error, and the worker goes on", SETUP, async (bench) => {
  const exit = await bench.do({});
  assertStringIncludes(exit.type === "failed" ? exit.error : "", "TypeError");
  assertEquals((await bench.do({ x: 1 })).type, "answered");
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
  assertEquals(textOf(await execution.exit), "end");
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
  const exit = await execution.exit;
  assertEquals(exit.type === "failed" && exit.error, "The command was cancelled");
  assertEquals(textOf(await bench.do({})), "done");
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
  assertEquals(textOf(await bench.do({ n: 2 })), "cogcog");
});

const LARGE = "def infer(n):\n    return 'x' * n\n";

test("an answer of 50 MB passes", LARGE, async (bench) => {
  const { execution, folder } = await bench.begin({ n: 50_000_000 });
  assertEquals((await execution.exit).type, "answered");
  assertEquals(Deno.statSync(folder.outputFile("stdout")).size, 50_000_000);
});
