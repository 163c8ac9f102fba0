import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { NodeProcess } from "../support/node_process.ts";
import { World } from "../support/world.ts";

const PASSWORD = "password-of-the-broker";

for (const controlPlane of ["rest", "mqtt"]) {
  Deno.test(`with control_plane: ${controlPlane}, DEBUG and NODE_DEBUG print no token and no password`, async () => {
    await using world = await World.start();
    await world.answerOverMqtt();
    await using node = await NodeProcess.start(world, {
      yaml: { control_plane: controlPlane, inference: 'echo "$DEBUG $NODE_DEBUG"' },
      env: { DEBUG: "*", NODE_DEBUG: "*", CYBERWAVE_MQTT_PASSWORD: PASSWORD },
    });
    const [identity] = world.backend.instances.values();
    await using sender = await world.sender(identity);
    const { output } = await sender.ask({ command: "inference", request_id: "r1" });
    assertEquals(output, "* *\n", "workloads get the environment as it is");
    await node.kill("SIGTERM");
    const printed = node.log.all.join("\n");
    for (const secret of [world.backend.token, PASSWORD]) {
      const hex = Buffer.from(secret).toString("hex").replaceAll(/..(?!$)/g, "$& ");
      for (const form of [secret, hex, btoa(secret)]) assert(!printed.includes(form), form);
    }
  });
}

Deno.test("no package reads DEBUG before the MQTT library is loaded without it", async () => {
  const users: string[] = [];
  for await (const path of sourceFiles(new URL("../../src/", import.meta.url))) {
    const text = await Deno.readTextFile(path);
    if (/^(import|export) (?!type)[^;]*from "mqtt";/m.test(text)) users.push(path.pathname);
  }
  assertEquals(users.map((path) => path.split("/src/")[1]), ["mqtt/library.ts"]);
});

async function* sourceFiles(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sourceFiles(new URL(`${name}/`, folder));
    else yield new URL(name, folder);
  }
}
