/** A program that a page of the documentation shows, as its reader would run it. */
import { fileURLToPath } from "node:url";
import type { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import type { Mosquitto } from "./mosquitto.ts";
import type { World } from "./world.ts";

const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** Runs it in a world, whose addresses and token are in its environment. */
export async function runPageProgram(
  world: World<EmbeddedBroker | Mosquitto>,
  source: string,
): Promise<Deno.ChildProcess> {
  const { token, apiUrl, mqttHost, mqttPort, stateFolder } = world.config();
  const program = `${world.folder}/program.ts`;
  await Deno.writeTextFile(program, source);
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--config", CONFIG, program],
    env: {
      CYBERWAVE_API_TOKEN: token!,
      CYBERWAVE_API_URL: apiUrl!,
      CYBERWAVE_MQTT_HOST: mqttHost!,
      CYBERWAVE_MQTT_PORT: String(mqttPort),
      CYBERWAVE_EDGE_CONFIG_DIR: stateFolder!,
    },
    cwd: world.folder,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}
