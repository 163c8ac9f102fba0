/** Nodes that give GPUs away and are killed: the real program, under its permissions. */
import { assertEquals, assertMatch } from "@std/assert";
import { fileWritten } from "../support/files.ts";
import { isAlive } from "../support/executors.ts";
import { NodeProcess } from "../support/node_process.ts";
import { endWorkers } from "../support/workers.ts";
import { type Sender, World } from "../support/world.ts";

/** Writes down which GPUs it sees, says so, and goes on until there is a file of its name. */
const JOB =
  'line="$CYBERWAVE_REQUEST_ID on $CUDA_VISIBLE_DEVICES"; echo "$line" >>seen; echo "$line"; ' +
  'until [ -e "go-$CYBERWAVE_REQUEST_ID" ]; do sleep 0.02; done';

const YAML = { inference: JOB, training: JOB, gpus: [0, 1], gpus_per: { training: 2 } };

interface Scene extends AsyncDisposable {
  readonly world: World<Awaited<ReturnType<typeof World.start>>["broker"]>;
  readonly sender: Sender;
  node: NodeProcess;
  /** What workloads have seen so far. */
  seen(): string[];
  /** Lets a job end, and resolves when its reply is there. */
  letGo(id: string): Promise<void>;
  send(...ids: string[]): Promise<void>;
  /** Kills the node, and starts the next one. */
  next(yaml?: Record<string, unknown>): Promise<void>;
}

async function scene(yaml: Record<string, unknown> = YAML): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const world = stack.use(await World.start());
  const start = async (yaml: Record<string, unknown>) =>
    stack.use(await NodeProcess.start(world, { yaml }));
  const node = await start(yaml);
  const [identity] = world.backend.instances.values();
  const sender = stack.use(await world.sender(identity!));
  const test: Scene = {
    world,
    sender,
    node,
    seen: () => Deno.readTextFileSync(`${world.folder}/seen`).trim().split("\n"),
    async letGo(id) {
      Deno.writeTextFileSync(`${world.folder}/go-${id}`, "");
      assertEquals((await sender.reply(id)).status, "ok");
    },
    async send(...ids) {
      for (const id of ids) {
        const command = id.startsWith("t") ? "training" : "inference";
        await sender.send({ command, request_id: id });
      }
    },
    async next(changed = yaml) {
      await test.node.kill();
      test.node = await start(changed);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
  return test;
}

Deno.test("nodes that are killed never give a GPU away that one of an earlier node still has", async () => {
  await using test = await scene();
  await test.send("i1", "i2");
  await test.node.logged("i1 on ");
  await test.node.logged("i2 on ");
  await test.send("i3", "t4", "i5");
  await test.node.logged("i5 waits for its turn");
  await test.next();
  await test.letGo("i2");
  await test.node.logged("i3 on ");
  assertEquals(test.seen().toSorted(), ["i1 on 0", "i2 on 1", "i3 on 1"]);
  await test.next();
  await test.letGo("i1");
  await test.next();
  await test.letGo("i3");
  await test.node.logged("t4 on ");
  assertEquals(test.seen().slice(3), ["t4 on 0,1"]);
  await test.next();
  await test.letGo("t4");
  await test.node.logged("i5 on ");
  assertEquals(test.seen().slice(4), ["i5 on 0"]);
  await test.letGo("i5");
});

Deno.test("what was started before GPUs were given keeps all of them until it has ended", async () => {
  await using test = await scene({ inference: JOB });
  await test.send("i1");
  await test.node.logged("i1 on ");
  await test.next(YAML);
  const line = await test.node.logged("was started without GPUs of its own");
  assertMatch(line, /inference .*no workload gets a GPU until it has ended/);
  await test.send("i2");
  await test.node.logged("i2 waits for its turn");
  await test.letGo("i1");
  await test.node.logged("i2 on ");
  assertEquals(test.seen().at(-1), "i2 on 0");
  await test.letGo("i2");
});

Deno.test("a worker keeps its GPU over the node's death, and commands get the other one", async () => {
  const worker = 'echo "worker on $CUDA_VISIBLE_DEVICES" >>seen; echo $$ >worker-pid; ' +
    `echo '{"jsonrpc":"2.0","method":"ready"}'; while read -r line; do :; done`;
  await using test = await scene({ ...YAML, inference: { worker }, gpus_per: 1 });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => endWorkers(`${test.world.stateFolder}/workers`));
  await test.node.logged("inference-worker is ready");
  await test.send("t1");
  await test.node.logged("t1 on ");
  await test.next();
  await test.letGo("t1");
  await test.send("t2");
  await test.node.logged("t2 on ");
  assertEquals(test.seen(), ["worker on 0", "t1 on 1", "t2 on 1"]);
  await test.letGo("t2");
});

Deno.test("a worker of an earlier configuration keeps its GPU until it has ended", async () => {
  const worker = 'echo "worker on $CUDA_VISIBLE_DEVICES" >>seen; ' +
    `echo '{"jsonrpc":"2.0","method":"ready"}'; while read -r line; do :; done`;
  await using test = await scene({ inference: { worker }, gpus: [0] });
  await using stack = new AsyncDisposableStack();
  const workers = `${test.world.stateFolder}/workers`;
  stack.defer(() => endWorkers(workers));
  await test.node.logged("inference-worker is ready");
  await test.next({ training: JOB, gpus: [0] });
  await test.node.logged("1 program of an earlier configuration still loaded");
  await test.send("t1");
  await test.node.logged("t1 waits for its turn");
  assertEquals(test.seen(), ["worker on 0"]);
  await endWorkers(workers);
  await test.node.logged("t1 on ");
  assertEquals(test.seen(), ["worker on 0", "t1 on 0"]);
  await test.letGo("t1");
});

Deno.test("without the GPUs that it is to give a node does not start, and says why", async () => {
  await using world = await World.start();
  const yaml = { inference: "true", gpus: "auto" };
  const PATH = `${world.folder}/bin`;
  Deno.mkdirSync(PATH);
  for (const name of ["sh", "bash", "setsid", "cat", "grep"]) {
    Deno.symlinkSync(`/usr/bin/${name}`, `${PATH}/${name}`);
  }
  await using node = await NodeProcess.spawn(world, { yaml, env: { PATH } });
  const line = await node.logged("gpus is auto");
  assertMatch(line, /no GPU was found \(there is no nvidia-smi; there is no rocm-smi\)/);
  assertEquals((await node.ended).code, 1);
});

Deno.test("a node that waits for a driver stops when it is asked to", async () => {
  await using world = await World.start();
  const script = `#!/bin/sh\necho $$ >${world.folder}/asked\nexec sleep 1000\n`;
  await Deno.writeTextFile(`${world.folder}/nvidia-smi`, script, { mode: 0o700 });
  const env = { PATH: `${world.folder}:${Deno.env.get("PATH")}` };
  await using node = await NodeProcess.spawn(world, {
    yaml: { inference: "true", gpus: "auto" },
    env,
  });
  const pid = Number(await fileWritten(`${world.folder}/asked`));
  Deno.kill(node.pid, "SIGTERM");
  assertEquals((await node.ended).code, 0);
  assertEquals(await isAlive(pid), false);
});
