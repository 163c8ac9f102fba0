import { assertEquals } from "@std/assert";
import { resolveConfig } from "../../src/config/resolve.ts";
import { TOKEN_VARIABLES } from "../../src/config/variables.ts";
import { nodeCredentials, workloadEnvironment } from "../../src/node/workload_environment.ts";

Deno.test("workloads get the node's environment but for its credentials", () => {
  const own = {
    PATH: "/bin",
    CYBERWAVE_API_KEY: "key of the node's environment",
    CYBERWAVE_API_TOKEN: "token of the node's environment",
    CYBERWAVE_MQTT_PASSWORD: "password of the node's environment",
    CYBERWAVE_MQTT_USERNAME: "user",
  };
  const { env } = workloadEnvironment(own, resolveConfig({ resultsFolder: "/r" }));
  assertEquals([env.PATH, env.CYBERWAVE_MQTT_USERNAME], ["/bin", "user"]);
  assertEquals(env.CYBERWAVE_RESULTS_FOLDER, "/r");
  for (const name of TOKEN_VARIABLES) assertEquals(Object.hasOwn(env, name), false, name);
});

Deno.test("workloads find the platform of the node under the names that the Python SDK reads", () => {
  const stale = { CYBERWAVE_BASE_URL: "https://other", CYBERWAVE_TOPIC_PREFIX: "other" };
  const settings = resolveConfig({
    apiUrl: "https://api.example.com",
    mqttHost: "broker.example.com",
    mqttPort: 8883,
    mqttTlsCaCerts: "/ca.pem",
    mqttUsername: "me",
    environment: "dev",
    resultsFolder: "/r",
    workspaceSlug: "lab",
    workspaceUuid: "w-1",
  });
  assertEquals(workloadEnvironment(stale, settings).env, {
    PYTHONUNBUFFERED: "1",
    CYBERWAVE_API_URL: "https://api.example.com",
    CYBERWAVE_BASE_URL: "https://api.example.com",
    CYBERWAVE_MQTT_HOST: "broker.example.com",
    CYBERWAVE_MQTT_PORT: "8883",
    CYBERWAVE_MQTT_USE_TLS: "true",
    CYBERWAVE_MQTT_TLS_CA_CERTS: "/ca.pem",
    CYBERWAVE_MQTT_TLS_CA_CERT: "/ca.pem",
    CYBERWAVE_MQTT_USERNAME: "me",
    CYBERWAVE_ENVIRONMENT: "dev",
    CYBERWAVE_MQTT_TOPIC_PREFIX: "dev",
    CYBERWAVE_TOPIC_PREFIX: "dev",
    CYBERWAVE_WORKSPACE_SLUG: "lab",
    CYBERWAVE_WORKSPACE_UUID: "w-1",
    CYBERWAVE_WORKSPACE_ID: "w-1",
    CYBERWAVE_RESULTS_FOLDER: "/r",
  });
});

Deno.test("env: refers to the node's environment, and wins over it", () => {
  const settings = resolveConfig({
    env: {
      PATH: "/opt/bin:${PATH}",
      CACHE: "${XDG_CACHE_HOME:-/tmp}/hf",
      SECRET: "${CYBERWAVE_API_TOKEN}",
      PRICE: "$5",
    },
  });
  const own = { PATH: "/bin", CYBERWAVE_API_TOKEN: "t-node" };
  const { env, unset } = workloadEnvironment(own, settings);
  assertEquals([env.PATH, env.CACHE, env.SECRET, env.PRICE], [
    "/opt/bin:/bin",
    "/tmp/hf",
    "",
    "$5",
  ]);
  assertEquals(unset, ["CYBERWAVE_API_TOKEN"], "a token is nothing that env: can pass on");
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

Deno.test("what Python prints comes at once, unless the user decides otherwise: any value wins", () => {
  const unbuffered = (own: Record<string, string>, env: Record<string, string> = {}) =>
    workloadEnvironment(own, resolveConfig({ env })).env.PYTHONUNBUFFERED;
  assertEquals(unbuffered({}), "1");
  assertEquals(unbuffered({ PYTHONUNBUFFERED: "" }), "");
  assertEquals(unbuffered({ PYTHONUNBUFFERED: "0" }, { PYTHONUNBUFFERED: "" }), "");
});

Deno.test("env: wins over files, files over the node's environment, and a name alone is the node's", () => {
  const settings = resolveConfig({
    env: { BOTH: "env", FROM_NODE: null, NOT_THERE: null, REFERS: "${IN_FILE:-not in files}" },
  });
  const own = { BOTH: "node", FROM_NODE: "node", IN_NODE: "node", SHADOWED: "node" };
  const files = {
    BOTH: "file",
    FROM_NODE: "file",
    NOT_THERE: "file",
    IN_FILE: "file",
    SHADOWED: "file",
  };
  const { env } = workloadEnvironment(own, settings, files);
  assertEquals([env.BOTH, env.FROM_NODE, env.NOT_THERE, env.IN_FILE, env.IN_NODE, env.SHADOWED], [
    "env",
    "node",
    undefined,
    "file",
    "node",
    "file",
  ]);
  assertEquals(env.REFERS, "not in files");
});

Deno.test("the node's own variables in env: go to the job alone, and those in files nowhere", () => {
  const settings = resolveConfig({
    apiUrl: "https://api.example.com",
    env: { CYBERWAVE_API_TOKEN: "t-job", CYBERWAVE_API_URL: "https://other.example.com" },
  });
  const { env } = workloadEnvironment({}, settings, { CYBERWAVE_API_KEY: "t-file" });
  assertEquals(env.CYBERWAVE_API_TOKEN, "t-job");
  assertEquals(env.CYBERWAVE_API_URL, "https://other.example.com");
  assertEquals(env.CYBERWAVE_API_KEY, undefined);
  assertEquals(settings.apiUrl, "https://api.example.com");
  assertEquals(nodeCredentials(settings, "t-node"), {
    CYBERWAVE_API_KEY: "t-node",
    CYBERWAVE_MQTT_PASSWORD: "t-node",
  });
});

Deno.test("what logs must not show are the values whose names say so", () => {
  const settings = resolveConfig({ env: { HF_TOKEN: "${SOURCE}", PLAIN: "plain" } });
  const own = { SOURCE: "from-node", WANDB_API_KEY: "exported", PATH: "/bin" };
  const { secrets } = workloadEnvironment(own, settings, { DB_PASSWORD: "db" });
  assertEquals(secrets.toSorted(), ["db", "exported", "from-node"]);
});
