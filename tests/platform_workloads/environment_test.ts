import { assertEquals } from "@std/assert";
import { NodeProcess } from "../support/node_process.ts";
import { World } from "../support/world.ts";

Deno.test("variables of .env and of env: reach workloads and the install script, but for tokens", async () => {
  await using world = await World.start();
  const print = 'echo "$HF_TOKEN $KEPT $CHECKPOINT $CYBERWAVE_BASE_URL $CYBERWAVE_MQTT_PORT"';
  await Deno.writeTextFile(
    `${world.folder}/.env`,
    "HF_TOKEN=hf_1\nKEPT=from .env\nCYBERWAVE_API_KEY=stale\nCYBERWAVE_BASE_URL=https://stale\n",
  );
  await using _node = await NodeProcess.start(world, {
    yaml: {
      install_script: `{ ${print}; } >installed`,
      inference: `${print}; [ "$CYBERWAVE_API_KEY" != stale ]`,
      env: { CHECKPOINT: "${KEPT}/${HF_TOKEN}/x" },
    },
    env: { KEPT: "kept" },
  });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity);
  const { output, error } = await sender.ask({ command: "inference", request_id: "r1" });
  const expected = `hf_1 kept kept/hf_1/x ${world.backend.url} ${world.broker.port}\n`;
  assertEquals([output, error], [expected, undefined]);
  assertEquals(await Deno.readTextFile(`${world.folder}/installed`), expected);
});
