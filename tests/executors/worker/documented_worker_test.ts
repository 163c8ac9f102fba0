import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { WORKER } from "../../../src/cli/subcommands/worker_sample.ts";
import { pythonPackagesAvailable, pythonProgram } from "../../support/python_packages.ts";
import { endWorkers } from "../../support/workers.ts";
import { World } from "../../support/world.ts";

const PAGE = await Deno.readTextFile(
  new URL("../../../.github/docs/warm-inference.md", import.meta.url),
);

/** A worker of the page, by how its source begins. */
function workerOf(language: string, beginning: string): string {
  const blocks = Array.from(PAGE.matchAll(/^```(\w+)\n([^]*?)^```$/gm));
  const found = blocks.find(([, name, text]) => name === language && text!.startsWith(beginning));
  return found![2]!;
}

Deno.test("the worker of the documentation is the one that init writes, and is short", () => {
  assertEquals(workerOf("python", "import json, os, sys\nout"), WORKER);
  assert(WORKER.trim().split("\n").length <= 15);
});

Deno.test("the worker of the documentation is loaded once for two nodes", async () => {
  await using world = await World.start();
  const { folder, stateFolder } = world;
  Deno.writeTextFileSync(`${folder}/worker.py`, WORKER);
  await using _ = { [Symbol.asyncDispose]: () => endWorkers(`${stateFolder}/workers`) };
  const worker = "echo >>loads; exec python3 worker.py";
  for (const x of [1, 2]) {
    await using local = await world.runNode({ inference: { worker } });
    await using sender = await world.sender(local.identity);
    const reply = await sender.ask({ command: "inference", request_id: `${x}`, params: { x } });
    assertEquals([reply.status, reply.output], ["ok", `{"y":${2 * x}}`]);
    const status = await sender.ask({ command: "status", request_id: `status ${x}` });
    assertEquals(JSON.parse(status.output!).executors.inference.state, "ready");
  }
  assertEquals(Deno.readTextFileSync(`${folder}/loads`), "\n");
});

/** Has a worker answer params that are small, too long for a line, and those that it fails for. */
async function examine(file: string, source: string, worker: string): Promise<void> {
  await using world = await World.start();
  Deno.writeTextFileSync(`${world.folder}/${file}`, source);
  await using _ = { [Symbol.asyncDispose]: () => endWorkers(`${world.stateFolder}/workers`) };
  await using local = await world.runNode({ inference: { worker } });
  await using sender = await world.sender(local.identity);
  const ask = (params: unknown, id: string) =>
    sender.ask({ command: "inference", request_id: id, params });
  for (const [id, params] of Object.entries({ small: {}, large: { more: "ä".repeat(10_000) } })) {
    const { status, output } = await ask({ x: 2, ...params }, id);
    assertEquals([status, output], ["ok", '{"y":4}']);
  }
  assertEquals((await ask({}, "empty")).output, '{"y":0}');
  const { status, error } = await ask({ x: null }, "bad");
  assertEquals(status, "error");
  assertStringIncludes(error!, "TypeError");
  assertEquals((await ask({ x: 3 }, "after")).output, '{"y":6}');
}

Deno.test("the worker of the documentation takes long params, and fails only one command", async () => {
  await examine("worker.py", WORKER, "exec python3 worker.py");
});

Deno.test({
  name: "the worker of the documentation that uses a library does so too",
  ignore: !pythonPackagesAvailable(),
  fn: async () => {
    const source = workerOf("python", "import json, os, sys\nfrom pylsp_jsonrpc");
    await examine("worker.py", source, `exec ${pythonProgram("python")} worker.py`);
  },
});

Deno.test("the worker of the documentation in TypeScript does so too", async () => {
  const source = workerOf("ts", "import process");
  // In JavaScript 2 * null is 0.
  const strict = source.replace("y: 2 * x", "y: 2 * x!.valueOf()");
  assertNotEquals(strict, source);
  await examine("worker.ts", strict, `exec ${Deno.execPath()} run --allow-read worker.ts`);
});

Deno.test("a node that drains ends its workers", async () => {
  await using world = await World.start();
  const { folder, stateFolder } = world;
  const inference = { worker: "trap 'echo >ended' EXIT; cat", ready: false };
  const local = await world.runNode({ inference });
  await using _ = { [Symbol.asyncDispose]: () => endWorkers(`${stateFolder}/workers`) };
  local.node.drain();
  await local.ended;
  assertEquals(Deno.readTextFileSync(`${folder}/ended`), "\n");
});
