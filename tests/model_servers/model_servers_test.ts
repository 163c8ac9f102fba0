/** Commands for real model servers, of which CLOUD_NODE_MODEL_SERVERS names the Python. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import type { ServerProgram } from "../../src/config/programs/workload_program.ts";
import type { Exit } from "../../src/executors/executor.ts";
import { inTime } from "../support/events.ts";
import { Bench, fileWritten } from "../support/executors.ts";
import { PYTHON } from "../support/model_packages.ts";
import { freePort, serverExecutor, serverProgram } from "../support/model_server.ts";

const PROGRAMS = new URL("./programs", import.meta.url).pathname;

/** Registers a test of a server that `program` says how to start. */
function test(
  sentence: string,
  program: (url: string, port: number, folder: string) => Partial<ServerProgram> & { url: string },
  body: (bench: Bench) => Promise<void>,
): void {
  Deno.test({
    name: sentence,
    ignore: PYTHON === undefined,
    fn: async () => {
      const port = freePort();
      await using bench = new Bench((bench) => {
        const { command, ...rest } = program(`http://127.0.0.1:${port}`, port, bench.workFolder);
        const path = `export PATH="${dirname(PYTHON!)}:$PATH" PYTHONPATH="${PROGRAMS}"`;
        return serverExecutor(serverProgram({ ...rest, command: `${path}; ${command}` }), bench);
      });
      try {
        await body(bench);
      } finally {
        await bench.executor.unload!();
      }
    },
  });
}

/** Runs a command once the server is ready. */
async function run(bench: Bench, params: unknown): Promise<{ exit: Exit; output: unknown }> {
  await whenReady(bench);
  const { exit, stdout } = await bench.run({ params: JSON.stringify(params) });
  return { exit, output: stdout === "" ? undefined : JSON.parse(stdout) };
}

async function whenReady(bench: Bench): Promise<void> {
  const { executor } = bench;
  if (executor.status().state === "ready") return;
  const { promise, resolve } = Promise.withResolvers<void>();
  executor.onStatus = ({ state }) => state === "ready" && resolve();
  await inTime(promise, "a server that is ready", 120_000);
}

function errorOf({ exit }: { exit: Exit }): string {
  assert(exit.type === "failed", JSON.stringify(exit));
  return exit.error;
}

test(
  "LitServe: a classifier answers",
  (url, port) => ({
    command: `exec python ${PROGRAMS}/lit.py ${port}`,
    url: `${url}/predict`,
    ready: { url: `${url}/health`, every: 0.2, timeout: 5 },
    unwrap: "name",
  }),
  async (bench) => {
    await whenReady(bench);
    const { stdout } = await bench.run({ params: '{"sizes":[5.1,3.5,1.4,0.2]}' });
    assertEquals(stdout, "setosa");
    assertStringIncludes(errorOf(await run(bench, {})), "The server answered 500");
  },
);

test(
  "OpenAI's API: LitServe embeds sentences by MiniLM, and says what is wrong with a request",
  (url, port) => ({
    command: `exec python ${PROGRAMS}/openai_embeddings.py ${port}`,
    url: `${url}/v1/embeddings`,
    // LitServe has no /v1/models.
    ready: { url: `${url}/health`, every: 0.2, timeout: 5 },
    api: "openai",
  }),
  async (bench) => {
    const input = ["This is an example sentence", "Another one"];
    const { output } = await run(bench, { model: "minilm", input });
    const { object, data } = output as { object: string; data: { embedding: number[] }[] };
    assertEquals([object, data.length], ["list", 2]);
    assertEquals(data[0]!.embedding.slice(0, 2).map((value) => value.toFixed(4)), [
      "0.0677",
      "0.0635",
    ]);
    const error = errorOf(await run(bench, { input }));
    assertStringIncludes(error, "The server answered 422: ");
    assertStringIncludes(error, "model");
  },
);

test(
  "RunPod: the local server answers, and says what failed",
  (url, port) => ({
    command: `exec python ${PROGRAMS}/runpod_handler.py --rp_serve_api --rp_api_host 127.0.0.1 ` +
      `--rp_api_port ${port}`,
    url: `${url}/runsync`,
    api: "runpod",
  }),
  async (bench) => {
    assertEquals((await run(bench, { x: 3 })).output, { y: 9 });
    assertEquals(errorOf(await run(bench, { x: -1 })), "x must not be negative");
  },
);

test(
  "Cog: a predictor answers, says what failed, and is cancelled",
  (url, port, folder) => {
    Deno.writeTextFileSync(`${folder}/cog.yaml`, "predict: predict.py:Predictor\n");
    Deno.copyFileSync(`${PROGRAMS}/predict.py`, `${folder}/predict.py`);
    return {
      command: `PORT=${port} COG_PREDICT_TYPE_STUB=predict.py:Predictor exec python ` +
        "-m cog.server.http --host 127.0.0.1",
      url: `${url}/predictions`,
      api: "cog",
    };
  },
  async (bench) => {
    assertEquals((await run(bench, { x: 3 })).output, 6);
    assertStringIncludes(errorOf(await run(bench, { x: -1 })), "x must not be negative");
    const { execution } = bench.start({ params: '{"x":1,"seconds":600}' });
    // What Cog cancels before it has called the predictor runs nevertheless.
    await fileWritten(`${bench.workFolder}/began`);
    execution.stop("SIGTERM");
    const exit = await execution.exit;
    assert(exit.type === "failed" || exit.type === "killed");
    assertEquals((await run(bench, { x: 4 })).output, 8);
  },
);

test(
  "MLServer: a model answers over the Open Inference Protocol, and says what failed",
  (url, port, folder) => {
    const settings = { host: "127.0.0.1", http_port: port, grpc_port: freePort() };
    const file = { ...settings, metrics_port: freePort(), debug: false, parallel_workers: 0 };
    Deno.writeTextFileSync(`${folder}/settings.json`, JSON.stringify(file));
    const model = { name: "square", implementation: "square.Square" };
    Deno.writeTextFileSync(`${folder}/model-settings.json`, JSON.stringify(model));
    return { command: "exec mlserver start .", url: `${url}/v2/models/square/infer`, api: "oip" };
  },
  async (bench) => {
    const x = { name: "x", shape: [2], datatype: "FP64", data: [2, 3] };
    const { output } = await run(bench, { inputs: [x] });
    assertEquals((output as { outputs: { data: number[] }[] }).outputs[0].data, [4, 9]);
    assertStringIncludes(errorOf(await run(bench, { inputs: "none" })), "The server answered 422");
  },
);
