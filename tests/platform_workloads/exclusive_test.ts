import { assertEquals, assertMatch } from "@std/assert";
import { NodeProcess } from "../support/node_process.ts";
import { Gate } from "../support/stage.ts";
import { World } from "../support/world.ts";

Deno.test("exclusive kinds wait for each other, and a workload of the platform is refused as busy", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  const gate = await Gate.in(world.folder);
  await using node = await NodeProcess.start(world, {
    yaml: {
      training: gate.template,
      inference: "echo inferred",
      exclusive: ["training", "inference"],
    },
  });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity);
  await sender.send({ command: "training", request_id: "t" });
  await node.logged("started as process");
  await sender.send({ command: "inference", request_id: "i" });
  await node.logged("waits for its turn");

  const workload = world.backend.createWorkload(identity.uuid);
  const params = { workload_uuid: workload.uuid };
  const refused = await sender.ask({ command: "inference", request_id: "w", params });
  assertMatch(refused.error!, /^Busy: a workload of another kind runs or waits/);

  await gate.open("go");
  const replies = [await sender.reply("t"), await sender.reply("i")];
  assertEquals(replies.map(({ output }) => output), [
    "at the gate\nlet through with go\n",
    "inferred\n",
  ]);
});
