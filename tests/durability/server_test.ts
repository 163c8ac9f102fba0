import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileWritten, isAlive } from "../support/executors.ts";
import { freePort, writeModel } from "../support/model_server.ts";
import { NodeProcess } from "../support/node_process.ts";
import { type Sender, World } from "../support/world.ts";

interface Scene extends AsyncDisposable {
  readonly folder: string;
  readonly node: NodeProcess;
  readonly sender: Sender;
  /** Starts the next node with the same state folder. */
  next(flags?: readonly string[]): Promise<NodeProcess>;
}

/** A node with a model server, which is ready. */
async function scene(): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const world = stack.use(await World.start());
  const { folder } = world;
  writeModel(folder);
  const url = `http://127.0.0.1:${freePort()}`;
  const inference = {
    server: `cd ${folder} && exec python3 serve.py ${new URL(url).port}`,
    url: `${url}/predict`,
    ready: { url: `${url}/health`, every: 0.05 },
    keep_loaded: 2,
  };
  const next = async () => stack.use(await NodeProcess.start(world, { yaml: { inference } }));
  const node = await next();
  await node.logged("inference-server is ready");
  const [identity] = world.backend.instances.values();
  const sender = stack.use(await world.sender(identity));
  return { folder, node, sender, next, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** The lines of a file of the scene. */
function lines({ folder }: Scene, file: string): string[] {
  return Deno.readTextFileSync(`${folder}/${file}`).trim().split("\n");
}

/** The pid of the server, as it answers a command. */
async function serverPid(sender: Sender, id: string): Promise<number> {
  await sender.send({ command: "inference", request_id: id, params: { id } });
  return JSON.parse((await sender.reply(id)).output!).pid;
}

for (const how of ["SIGKILL", "SIGTERM"] as const) {
  Deno.test(`a server stays loaded over the node's ${how}, and gets no command twice`, async () => {
    await using test = await scene();
    const { sender, folder } = test;
    const pid = await serverPid(sender, "r1");
    const params = { id: "r2", note: `${folder}/note`, until: `${folder}/go` };
    await sender.send({ command: "inference", request_id: "r2", params });
    await fileWritten(`${folder}/note`);
    await test.node.kill(how);
    const next = await test.next();
    const reply = await sender.reply("r2");
    assertEquals(reply.status, "error");
    assertStringIncludes(reply.error!, "Workload lost: the node ended while the server had it");
    Deno.writeTextFileSync(`${folder}/go`, "");
    await next.logged("inference-server is ready");
    assertEquals(await serverPid(sender, "r3"), pid);
    assertEquals(lines(test, "starts"), ["start"]);
    assertEquals(lines(test, "runs"), ['"r1"', '"r2"', '"r3"']);
  });
}

Deno.test("a command that waits while its server loads is run when that is ready", async () => {
  await using test = await scene();
  await test.node.kill("SIGKILL");
  const { sender, folder } = test;
  Deno.writeTextFileSync(`${folder}/loading`, "");
  const next = await test.next();
  await sender.send({ command: "inference", request_id: "r1", params: { id: "r1" } });
  await next.logged("inference r1 waits for its turn");
  Deno.removeSync(`${folder}/loading`);
  assertEquals((await sender.reply("r1")).status, "ok");
});

Deno.test("a node that is drained ends its server; one that stops leaves it loaded, for a while", async () => {
  await using test = await scene();
  const pid = await serverPid(test.sender, "r1");
  await test.node.kill("SIGTERM");
  await test.node.logged("inference-server stays loaded for 2 s without a node");
  assertEquals(await isAlive(pid), true);
  const next = await test.next();
  await next.logged("inference-server is ready");
  assertEquals(await serverPid(test.sender, "r2"), pid);
  await next.kill("SIGQUIT");
  await next.logged("inference-server has ended");
  assertEquals(await isAlive(pid), false);
});
