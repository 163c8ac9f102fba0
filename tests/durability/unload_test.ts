/** Models that end with a node that is not to come back soon: the real program, and its signals. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { leaveUnloadMark } from "../../src/state/unload_mark.ts";
import { isAlive } from "../support/executors.ts";
import { freePort, writeModel } from "../support/model_server.ts";
import { NodeProcess } from "../support/node_process.ts";
import { endWorkers } from "../support/workers.ts";
import { World } from "../support/world.ts";

const WORKER = `
import json, os, sys, time
out = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
out.write(json.dumps({"jsonrpc": "2.0", "method": "ready"}) + "\\n")
for request in map(json.loads, sys.stdin):
    if "id" in request:
        with open("ran", "a") as file:
            file.write("run\\n")
        while request["params"].get("hangs"): time.sleep(1)
        response = {"jsonrpc": "2.0", "id": request["id"], "result": {"pid": os.getpid()}}
        out.write(json.dumps(response) + "\\n")
`;

/** A world with a worker for inference and a server for simulate. */
async function worldWithModels() {
  const world = await World.start();
  writeModel(world.folder);
  Deno.writeTextFileSync(`${world.folder}/worker.py`, WORKER);
  const port = freePort();
  const url = `http://127.0.0.1:${port}/predict`;
  const yaml = {
    inference: { worker: "exec python3 worker.py", unload_timeout: 1 },
    simulate: { server: `exec python3 serve.py ${port}`, url, ready: { url, every: 0.1 } },
  };
  const end = () => endWorkers(`${world.stateFolder}/workers`);
  return { world, yaml, ended: { [Symbol.asyncDispose]: end } };
}

Deno.test("a node that was marked ends its worker and its server as it stops, any other one keeps them", async () => {
  const { world, yaml, ended } = await worldWithModels();
  await using _world = world;
  await using _ended = ended;
  await using first = await NodeProcess.start(world, { yaml });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity!);
  const pids = await Promise.all(["inference", "simulate"].map(async (command) => {
    const reply = sender.reply(command);
    await sender.send({ command, request_id: command, params: {} });
    return JSON.parse((await reply).output!).pid;
  }));
  const alive = () => Promise.all(pids.map(isAlive));
  await first.kill("SIGTERM");
  assertEquals(await alive(), [true, true]);

  // This one was left for a node that could not take it any more.
  leaveUnloadMark(world.stateFolder);
  await using second = await NodeProcess.start(world, { yaml });
  await second.kill("SIGTERM");
  assertEquals(await alive(), [true, true]);

  await using third = await NodeProcess.start(world, { yaml });
  leaveUnloadMark(world.stateFolder);
  leaveUnloadMark(world.stateFolder);
  await third.kill("SIGTERM");
  assertEquals(await alive(), [false, false]);
});

Deno.test("what a worker has in hand as it is unloaded has failed, and is not run again", async () => {
  const { world, yaml, ended } = await worldWithModels();
  await using _world = world;
  await using _ended = ended;
  await using first = await NodeProcess.start(world, { yaml });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity!);
  const reply = sender.reply("r1");
  await sender.send({ command: "inference", request_id: "r1", params: { hangs: true } });
  await first.logged("r1 started");
  leaveUnloadMark(world.stateFolder);
  await first.kill("SIGTERM");
  await using second = await NodeProcess.start(world, { yaml });
  const { status, error } = await reply;
  assertEquals(status, "error");
  assertStringIncludes(error!, "The worker was stopped");
  assertEquals(await Deno.readTextFile(`${world.folder}/ran`), "run\n");
  leaveUnloadMark(world.stateFolder);
  await second.kill("SIGTERM");
});
