/** Models that make room for a training: the real program, under its permissions. */
import { assertEquals } from "@std/assert";
import { isAlive } from "../support/executors.ts";
import { Gate } from "../support/stage.ts";
import { freePort, writeModel } from "../support/model_server.ts";
import { NodeProcess } from "../support/node_process.ts";
import { endWorkers } from "../support/workers.ts";
import { World } from "../support/world.ts";

const WORKER = `
import json, os, sys
out = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
with open("starts", "a") as file:
    file.write("start\\n")
out.write(json.dumps({"jsonrpc": "2.0", "method": "ready"}) + "\\n")
for request in map(json.loads, sys.stdin):
    if "id" in request:
        response = {"jsonrpc": "2.0", "id": request["id"], "result": {"pid": os.getpid()}}
        out.write(json.dumps(response) + "\\n")
`;

function programOf(form: "worker" | "server") {
  const shared = { yield_to: "training", keep_loaded: 60 };
  if (form === "worker") return { worker: "exec python3 worker.py", ...shared };
  const port = freePort();
  const url = `http://127.0.0.1:${port}/predict`;
  return { server: `exec python3 serve.py ${port}`, url, ready: { url, every: 0.1 }, ...shared };
}

for (const form of ["worker", "server"] as const) {
  Deno.test(`a ${form} is not loaded while a training runs, also when its node is killed`, async () => {
    await using world = await World.start();
    await using _ended = {
      [Symbol.asyncDispose]: async () => {
        if (form === "worker") await endWorkers(`${world.stateFolder}/workers`);
      },
    };
    writeModel(world.folder);
    Deno.writeTextFileSync(`${world.folder}/worker.py`, WORKER);
    const starts = () => Deno.readTextFileSync(`${world.folder}/starts`).trim().split("\n").length;
    const gate = await Gate.in(world.folder);
    const yaml = {
      inference: programOf(form),
      training: gate.template,
      exclusive: ["training", "inference"],
    };
    await using first = await NodeProcess.start(world, { yaml });
    const [identity] = world.backend.instances.values();
    await using sender = await world.sender(identity!);
    const ask = async (id: string) => {
      const reply = sender.reply(id);
      await sender.send({ command: "inference", request_id: id, params: {} });
      return await reply;
    };
    const { pid } = JSON.parse((await ask("i1")).output!);
    assertEquals([await isAlive(pid), starts()], [true, 1]);
    const trained = sender.reply("t1");
    await sender.send({ command: "training", request_id: "t1", params: {} });
    await first.logged("t1 started");
    assertEquals(await isAlive(pid), false, "it ends before the training starts");
    const waiting = ask("i2");
    await first.logged("i2");
    await first.kill();
    await using second = await NodeProcess.start(world, { yaml });
    await second.logged("is yielding");
    assertEquals(starts(), 1);
    await gate.open("a word");
    assertEquals((await trained).status, "ok");
    assertEquals((await waiting).status, "ok");
    assertEquals(starts(), 2);
    await second.kill("SIGINT");
    await using last = await NodeProcess.spawn(world, { yaml, args: ["--drain"] });
    assertEquals((await last.ended).code, 0);
  });
}
