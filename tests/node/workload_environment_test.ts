import { assertEquals } from "@std/assert";
import { resolveConfig } from "../../src/config/resolve.ts";
import { nodeCredentials, workloadEnvironment } from "../../src/node/workload_environment.ts";

Deno.test("workloads get the node's environment but for its credentials, and the results folder", () => {
  const own = {
    PATH: "/bin",
    CYBERWAVE_API_KEY: "key of the node's environment",
    CYBERWAVE_API_TOKEN: "token of the node's environment",
    CYBERWAVE_MQTT_PASSWORD: "password of the node's environment",
    CYBERWAVE_MQTT_USERNAME: "user",
  };
  assertEquals(workloadEnvironment(own, resolveConfig({ resultsFolder: "/r" })), {
    PATH: "/bin",
    CYBERWAVE_MQTT_USERNAME: "user",
    CYBERWAVE_RESULTS_FOLDER: "/r",
  });
});

Deno.test("a workload may act for the node with its token under both names", () => {
  assertEquals(nodeCredentials(resolveConfig({}), "t-node"), {
    CYBERWAVE_API_KEY: "t-node",
    CYBERWAVE_API_TOKEN: "t-node",
    CYBERWAVE_MQTT_PASSWORD: "t-node",
  });
});

Deno.test("a password of its own for the broker is passed on as that", () => {
  const { CYBERWAVE_API_KEY, CYBERWAVE_MQTT_PASSWORD } = nodeCredentials(
    resolveConfig({ mqttPassword: "p-broker" }),
    "t-node",
  );
  assertEquals([CYBERWAVE_API_KEY, CYBERWAVE_MQTT_PASSWORD], ["t-node", "p-broker"]);
});

Deno.test("with pass_token: false it gets neither", () => {
  const settings = resolveConfig({ passToken: false, mqttPassword: "p-broker" });
  assertEquals(nodeCredentials(settings, "t-node"), {});
});
