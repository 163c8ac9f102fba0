import { assert, assertEquals } from "@std/assert";
import { endWorkers } from "../../support/workers.ts";
import { World } from "../../support/world.ts";

const PAGE = await Deno.readTextFile(
  new URL("../../../.github/docs/warm-inference.md", import.meta.url),
);

Deno.test("the worker of the documentation works, and is loaded once for two nodes", async () => {
  const [, source] = /```python\n(.*?)```/s.exec(PAGE)!;
  assert(source!.trim().split("\n").length <= 15);
  await using world = await World.start();
  const { folder, stateFolder } = world;
  Deno.writeTextFileSync(`${folder}/worker.py`, source!);
  await using _ = { [Symbol.asyncDispose]: () => endWorkers(`${stateFolder}/workers`) };
  const worker = "echo >>loads; exec python3 worker.py";
  for (const text of ["first", "second"]) {
    await using local = await world.runNode({ inference: { worker } });
    await using sender = await world.sender(local.identity);
    const params = { text };
    const reply = await sender.ask({ command: "inference", request_id: text, params });
    assertEquals([reply.status, reply.output], ["ok", text.toUpperCase()]);
    const status = await sender.ask({ command: "status", request_id: `status ${text}` });
    assertEquals(JSON.parse(status.output!).executors.inference.state, "ready");
  }
  assertEquals(Deno.readTextFileSync(`${folder}/loads`), "\n");
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
