import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { NodeProcess } from "../support/node_process.ts";
import { World } from "../support/world.ts";

interface Log {
  readonly uuid: string;
  readonly type: string;
  readonly content: string;
}

/** What a call adds to the log of an instance, if it is such a call. */
function logIn({ path, body }: EmulatedBackend["calls"][number]): Log | undefined {
  const [, uuid] = path.match(/\/cloud-node\/([^/]+)\/log$/) ?? [];
  if (uuid === undefined) return undefined;
  const { log_type, log_content } = body as Record<string, string>;
  return { uuid, type: log_type, content: log_content };
}

/** All that came of one type, of any instance or of one. */
function text(backend: EmulatedBackend, type: string, uuid?: string): string {
  return backend.calls.map(logIn)
    .filter((log) => log?.type === type && (uuid ?? log.uuid) === log.uuid)
    .map((log) => log!.content).join("");
}

/** Resolves when something of this type came with `part` in it. */
async function arrived(backend: EmulatedBackend, type: string, part: string): Promise<void> {
  await backend.nextCall((call) => {
    const log = logIn(call);
    return log?.type === type && log.content.includes(part);
  });
}

Deno.test("a node sends what its workloads print and its own log, each once", async () => {
  await using world = await World.start();
  await using node = await world.runNode({
    inference: "echo hello; echo oops >&2",
    logStreamInterval: 0.02,
  });
  await using sender = await world.sender(node.identity);
  await sender.ask({ command: "inference", request_id: "r1" });
  await arrived(world.backend, "stdout", "hello");
  await node.node.stop();
  const [stdout, stderr, system] = ["stdout", "stderr", "system"]
    .map((type) => text(world.backend, type));
  assertEquals([stdout, stderr], ["hello\n", "oops\n"]);
  for (const line of ["Cloud Node", "inference r1 started as process", "inference r1 succeeded"]) {
    assertEquals(system.split(line).length, 2, line);
  }
  assert(!system.includes("hello") && !system.includes("oops"), system);
  assert(!system.includes("DEBUG"), system);
});

Deno.test("two nodes in one program send their own lines each", async () => {
  await using world = await World.start();
  await using one = await world.runNode({ logStreamInterval: 0.02 }, { slug: "node-one" });
  await using two = await world.runNode({
    logStreamInterval: 0.02,
    stateFolder: `${world.folder}/two`,
  }, { slug: "node-two" });
  await one.node.stop();
  await two.node.stop();
  for (const [{ identity }, other] of [[one, two], [two, one]]) {
    const system = text(world.backend, "system", identity.uuid);
    assertStringIncludes(system, `Cloud Node '${identity.slug}'`);
    assert(!system.includes(other.identity.slug), system);
  }
});

Deno.test("a node that is to send no logs sends none, later neither", async () => {
  await using world = await World.start();
  const settings = { inference: "echo hello" };
  for (const logStreamInterval of [0, 0.02]) {
    await using node = await world.runNode({ ...settings, logStreamInterval });
    await using sender = await world.sender(node.identity);
    await sender.ask({ command: "inference", request_id: `every ${logStreamInterval} s` });
    if (logStreamInterval > 0) await arrived(world.backend, "stdout", "hello");
    else assertEquals(world.backend.calls.map(logIn).filter(Boolean), []);
  }
  assertEquals(text(world.backend, "stdout"), "hello\n");
});

Deno.test("a node that stops sends first what is there", async () => {
  await using world = await World.start();
  await using node = await world.runNode({ inference: "echo hello", logStreamInterval: 3600 });
  await using sender = await world.sender(node.identity);
  await sender.ask({ command: "inference", request_id: "r1" });
  await node.node.stop();
  assertEquals(text(world.backend, "stdout"), "hello\n");
});

Deno.test("a node for one command ends when its output has arrived, a busy backend or not", async () => {
  await using world = await World.start();
  await using node = await world.runNode(
    { inference: "printf 'no line break'", logStreamInterval: 3600 },
    { once: true },
  );
  const isOutput = (call: EmulatedBackend["calls"][number]) => logIn(call)?.type === "stdout";
  world.backend.answerNext(isOutput, () => new Response("busy", { status: 503 }));
  await using sender = await world.sender(node.identity);
  await sender.ask({ command: "inference", request_id: "r1" });
  await node.ended;
  // The first one was refused.
  assertEquals(text(world.backend, "stdout"), "no line break\n".repeat(2));
});

Deno.test("a node that is killed and started again goes on where its predecessor was", async () => {
  await using world = await World.start();
  const yaml = {
    inference: `seq 1 5; until [ -e one ]; do sleep 0.02; done; echo next >&2
      until [ -e two ]; do sleep 0.02; done; seq 6 10`,
    log_stream_interval: 0.02,
  };
  {
    await using node = await NodeProcess.start(world, { yaml });
    const [{ uuid, slug }] = world.backend.instances.values();
    await using sender = await world.sender({ uuid, slug });
    await sender.send({ command: "inference", request_id: "r1" });
    await arrived(world.backend, "stdout", "5\n");
    // A further call is the sign that the one before was remembered.
    await Deno.writeTextFile(`${world.folder}/one`, "");
    await arrived(world.backend, "stderr", "next");
    await node.kill("SIGKILL");
  }
  await Deno.writeTextFile(`${world.folder}/two`, "");
  await using _next = await NodeProcess.start(world, { yaml });
  await arrived(world.backend, "stdout", "10\n");
  assertEquals(text(world.backend, "stdout"), "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
});
