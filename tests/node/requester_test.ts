import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { NodeProcess } from "../support/node_process.ts";
import { Gate } from "../support/stage.ts";
import { World } from "../support/world.ts";

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  Deno.test(`a request over MQTT 5 is answered on its response topic after the node's ${signal}`, async () => {
    await using world = await World.start();
    const gate = await Gate.in(world.folder);
    const options = { yaml: { inference: gate.template } };
    await using first = await NodeProcess.start(world, options);
    const [{ uuid, slug }] = world.backend.instances.values();
    await using sender = await world.sender({ uuid, slug });
    const replies = await sender.client.collect("my/replies");
    const command = { command: "inference", request_id: "r1" };
    const correlationData = Buffer.from([0, 1, 255]);
    await sender.client.publish(`cyberwave/cloud-node/${uuid}/command`, command, {
      properties: { responseTopic: "my/replies", correlationData },
    });
    await first.logged("inference r1 started");
    await first.kill(signal);
    await using _second = await NodeProcess.start(world, options);
    await gate.open("luck");
    const reply = await replies.next();
    assertEquals([...reply.properties!.correlationData!], [...correlationData]);
    const { output } = JSON.parse(reply.text);
    assertEquals(output, "at the gate\nlet through with luck\n");
    assertEquals((await sender.reply("r1")).output, output);
  });
}
