import { assertEquals } from "@std/assert";
import { workloadEnvironment } from "../../src/node/workload_environment.ts";
import { resolveConfig } from "../../src/config/resolve.ts";

const OWN = {
  PATH: "/bin",
  CYBERWAVE_API_KEY: "key of the node's environment",
  CYBERWAVE_API_TOKEN: "token of the node's environment",
  CYBERWAVE_MQTT_PASSWORD: "password of the node's environment",
  CYBERWAVE_MQTT_USERNAME: "user",
};

function environment(config: Parameters<typeof resolveConfig>[0]) {
  return workloadEnvironment(OWN, {
    ...resolveConfig({ resultsFolder: "/r", ...config }),
    token: "t-node",
  });
}

Deno.test("workloads get the node's environment, its token under both names, and the results folder", () => {
  assertEquals(environment({}), {
    PATH: "/bin",
    CYBERWAVE_API_KEY: "t-node",
    CYBERWAVE_API_TOKEN: "t-node",
    CYBERWAVE_MQTT_PASSWORD: "t-node",
    CYBERWAVE_MQTT_USERNAME: "user",
    CYBERWAVE_RESULTS_FOLDER: "/r",
  });
});

Deno.test("a password of its own for the broker is passed on as that", () => {
  const { CYBERWAVE_API_KEY, CYBERWAVE_MQTT_PASSWORD } = environment({ mqttPassword: "p-broker" });
  assertEquals([CYBERWAVE_API_KEY, CYBERWAVE_MQTT_PASSWORD], ["t-node", "p-broker"]);
});

Deno.test("with pass_token: false there is none, not even what the node's environment holds", () => {
  assertEquals(environment({ passToken: false, mqttPassword: "p-broker" }), {
    PATH: "/bin",
    CYBERWAVE_MQTT_USERNAME: "user",
    CYBERWAVE_RESULTS_FOLDER: "/r",
  });
});
