/** Nodes with a worker that are killed: the real program, under its permissions. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { NodeProcess } from "../support/node_process.ts";
import { endWorkers } from "../support/workers.ts";
import { type Reply, World } from "../support/world.ts";

/** Writes down each command that it gets, and each time that it is loaded. */
const WORKER = `
import json, os, sys, time
out = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
def note(name, text):
    with open(name, "a") as file:
        file.write(text + "\\n")
note("loads", str(os.getpid()))
out.write(json.dumps({"jsonrpc": "2.0", "method": "ready"}) + "\\n")
for request in map(json.loads, sys.stdin):
    if "id" in request:
        note("ran", request["params"]["n"])
        time.sleep(request["params"].get("seconds", 0))
        if request["params"].get("crash"):
            os._exit(3)
        response = {"jsonrpc": "2.0", "id": request["id"], "result": request["params"]["n"]}
        out.write(json.dumps(response) + "\\n")
`;

const YAML = { inference: { worker: "exec python3 worker.py", keep_loaded: 60 } };

async function worldWithWorker() {
  const world = await World.start();
  Deno.writeTextFileSync(`${world.folder}/worker.py`, WORKER);
  const read = (name: string) =>
    Deno.readTextFileSync(`${world.folder}/${name}`).trim().split("\n");
  const end = () => endWorkers(`${world.stateFolder}/workers`);
  return { world, read, ended: { [Symbol.asyncDispose]: end } };
}

/** A node is killed after so many replies. */
const KILLS = [2, 8, 21, 46];

Deno.test("nodes that are killed again and again run each command once, and load nothing", async () => {
  const { world, read, ended } = await worldWithWorker();
  await using _world = world;
  await using _ended = ended;
  await using first = await NodeProcess.start(world, { yaml: YAML });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity!);
  const ids = Array.from({ length: 60 }, (_, index) => `r${index}`);
  for (const id of ids) {
    await sender.send({ command: "inference", request_id: id, params: { n: id, seconds: 0.005 } });
  }
  let node = first;
  const answers: Reply[] = [];
  for (const id of ids) {
    if (KILLS.includes(answers.length)) {
      await node.kill();
      node = await NodeProcess.start(world, { yaml: YAML });
    }
    answers.push(await sender.reply(id));
  }
  await using _last = node;
  assertEquals(answers.map(({ error, output }) => error ?? output), ids);
  assertEquals(read("ran").toSorted(), ids.toSorted());
  assertEquals(read("loads").length, 1);
});

Deno.test("a worker that crashes with a node down is reported, and its command is not run again", async () => {
  const { world, read, ended } = await worldWithWorker();
  await using _world = world;
  await using _ended = ended;
  await using node = await NodeProcess.start(world, { yaml: YAML });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity!);
  const params = { n: "a", seconds: 1, crash: true };
  await sender.send({ command: "inference", request_id: "r1", params });
  await node.logged("r1 started");
  await node.kill();
  await using _next = await NodeProcess.start(world, { yaml: YAML });
  const { status, error } = await sender.reply("r1");
  assertEquals(status, "error");
  assertStringIncludes(error!, "exited with code 3");
  await sender.send({ command: "inference", request_id: "r2", params: { n: "b" } });
  assertEquals((await sender.reply("r2")).output, "b");
  assertEquals([read("ran"), read("loads").length], [["a", "b"], 2]);
});
