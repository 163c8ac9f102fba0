/** Commands that run as Ray jobs, at a node that is killed meanwhile. */
import { assertEquals, assertMatch } from "@std/assert";
import { NodeProcess } from "../support/node_process.ts";
import { rayAvailable, RayCluster } from "../support/ray.ts";
import { Gate } from "../support/stage.ts";
import { World } from "../support/world.ts";

Deno.test({
  name: "a Ray job goes on after the node's SIGKILL, the next node answers for it, and cancels one",
  ignore: !rayAvailable(),
  fn: async () => {
    await using stack = new AsyncDisposableStack();
    const cluster = stack.use(await RayCluster.start());
    const world = stack.use(await World.start());
    const gate = await Gate.in(world.folder);
    const yaml = { training: { ray: { address: cluster.address, command: gate.template } } };
    const env = { PATH: Deno.env.get("PATH")! };
    const next = async () => stack.use(await NodeProcess.start(world, { yaml, env }));
    const node = await next();
    const [identity] = world.backend.instances.values();
    const sender = stack.use(await world.sender(identity));
    await sender.send({ command: "training", request_id: "r1" });
    await node.logged("at the gate");
    await node.kill();
    await sender.send({ command: "training", request_id: "r1" });
    const later = await next();
    await gate.open("ok");
    const reply = await sender.reply("r1");
    assertEquals([reply.status, reply.output], ["ok", "at the gate\nlet through with ok\n"]);
    await sender.send({ command: "training", request_id: "r2" });
    await later.logged("at the gate");
    const params = { workload_request_id: "r2" };
    await sender.ask({ command: "cancel", request_id: "c1", params });
    assertMatch((await sender.reply("r2")).error!, /^Command was cancelled by SIGTERM/);
    assertEquals((await cluster.jobs()).length, 2);
  },
});
