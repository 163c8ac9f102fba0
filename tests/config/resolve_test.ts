import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join, resolve } from "node:path";
import { homedir } from "node:os";
import type { Settings } from "../../src/config/config.ts";
import { resolveConfig, resolveSettings } from "../../src/config/resolve.ts";
import {
  credentialsSource,
  flagSource,
  type Source,
  variableSource,
  yamlSource,
} from "../../src/config/sources.ts";
import { ConfigError } from "../../src/errors.ts";

const folders = { work: resolve("/project"), home: () => resolve("/home/me") };

function settingsOf(...sources: Source[]): Settings {
  return resolveSettings(sources, folders).settings;
}

function environment(variables: Record<string, string>): Source {
  return variableSource(variables, (name) => `environment variable ${name}`);
}

function yaml(mapping: Record<string, unknown>): Source {
  return yamlSource(mapping, "cyberwave.yml");
}

function messageOf(...sources: Source[]): string {
  return assertThrows(() => settingsOf(...sources), ConfigError).message;
}

Deno.test("with nothing given there are defaults", () => {
  assertEquals<Settings>(settingsOf(), {
    token: undefined,
    apiUrl: "https://api.cyberwave.com",
    controlPlane: "rest",
    workspaceSlug: undefined,
    workspaceUuid: undefined,
    slug: undefined,
    instanceUuid: undefined,
    profileSlug: "default",
    environmentUuid: undefined,
    environment: "",
    mqttHost: "mqtt.cyberwave.com",
    mqttPort: 1883,
    mqttUseTls: false,
    mqttTlsCaCerts: undefined,
    mqttUsername: undefined,
    mqttPassword: undefined,
    pool: undefined,
    poolTopic: undefined,
    poolPrefetch: 0,
    installScript: undefined,
    inference: undefined,
    training: undefined,
    simulate: undefined,
    workFolder: resolve("/project"),
    gpus: undefined,
    gpusPer: { inference: 1, training: 1, simulate: 1 },
    gpuLanes: [],
    exclusive: [],
    python: undefined,
    body: { inference: "json", training: "json", simulate: "json" },
    env: {},
    envFile: [],
    heartbeatInterval: 30,
    concurrency: { inference: 1, training: 1, simulate: 1 },
    maxQueued: { inference: 10_000, training: 10_000, simulate: 10_000 },
    queuePlatformWorkloads: false,
    memoryLimit: {},
    timeout: {},
    cancelGrace: { inference: 10, training: 10, simulate: 120 },
    dedupeWindow: 3600,
    maxOutput: 4_194_304,
    maxOutputFiles: 1_073_741_824,
    maxCommandSize: 16_777_216,
    uploadResults: true,
    resultsFolder: resolve("/results"),
    results: [],
    uploadWhileRunning: 0,
    stopTimeout: 10,
    stateFolder: resolve("/home/me/.cyberwave"),
    keepWorkloads: 7,
    keepWorkloadsCount: { succeeded: 1_000, failed: 10_000 },
    keepWorkloadsSize: 1_073_741_824,
    logFormat: "text",
    logLevel: "info",
    logJobOutput: "all",
    passToken: true,
    logStreamInterval: 3,
    http: undefined,
    onWorkloadEnd: undefined,
    onDisconnect: undefined,
    onDisconnectAfter: 300,
    onUnhealthy: undefined,
  });
});

const GRACES: readonly [given: unknown, inference: number, simulate: number][] = [
  [5, 5, 5],
  [{ simulate: 300 }, 10, 300],
  [{ inference: 0 }, 0, 120],
];

for (const [given, inference, simulate] of GRACES) {
  Deno.test(`cancel_grace: ${JSON.stringify(given)} is ${simulate} s for simulate`, () => {
    const { cancelGrace } = settingsOf(yaml({ cancel_grace: given }));
    assertEquals([cancelGrace.inference, cancelGrace.simulate], [inference, simulate]);
  });
}

Deno.test("the first source that gives a setting wins, for each setting by itself", () => {
  const sources: [Source, string][] = [
    [flagSource({ "mqtt-port": "1" }), "--mqtt-port"],
    [
      environment({ CYBERWAVE_MQTT_PORT: "2" }),
      "environment variable CYBERWAVE_MQTT_PORT",
    ],
    [
      variableSource({ CYBERWAVE_MQTT_PORT: "3" }, (name) => `${name} in /x/.env`),
      "CYBERWAVE_MQTT_PORT in /x/.env",
    ],
    [yaml({ mqtt_port: 4 }), "cyberwave.yml"],
    [
      credentialsSource({ envs: { CYBERWAVE_MQTT_PORT: "5" } }, "/x/credentials.json"),
      "CYBERWAVE_MQTT_PORT in /x/credentials.json",
    ],
  ];
  for (const [index, [, from]] of sources.entries()) {
    const rest = sources.slice(index).map(([source]) => source);
    const { settings, sources: origins } = resolveSettings(rest, folders);
    assertEquals(settings.mqttPort, index + 1);
    assertEquals(origins.get("mqttPort"), from);
    assertEquals(origins.get("mqttHost"), "default");
  }
});

Deno.test("within a source the specification's name wins over its alias", () => {
  const both = environment({
    CYBERWAVE_API_KEY: "alias",
    CYBERWAVE_API_TOKEN: "name",
    CYBERWAVE_BASE_URL: "http://alias",
    CYBERWAVE_API_URL: "http://name",
  });
  assertEquals(settingsOf(both).token, "name");
  assertEquals(settingsOf(both).apiUrl, "http://name");
  assertEquals(settingsOf(yaml({ install: "a", install_script: "b" })).installScript, "b");
});

Deno.test("an alias is enough, and wins over the name in a later source", () => {
  const alias = environment({ CYBERWAVE_API_KEY: "alias" });
  const name = variableSource({ CYBERWAVE_API_TOKEN: "name" }, (name) => `${name} in .env`);
  assertEquals(settingsOf(alias, name).token, "alias");
  assertEquals(settingsOf(yaml({ install: "a" })).installScript, "a");
});

Deno.test("an empty variable and a YAML key without a value count as not given", () => {
  const sources = [
    environment({ CYBERWAVE_MQTT_HOST: "", CYBERWAVE_API_TOKEN: "", CYBERWAVE_API_KEY: "alias" }),
    yaml({ mqtt_host: null, profile_slug: undefined }),
    credentialsSource({
      token: "",
      CYBERWAVE_MQTT_HOST: "broker",
      envs: { CYBERWAVE_MQTT_HOST: "" },
    }, "c"),
  ];
  assertEquals(settingsOf(...sources).mqttHost, "broker");
  assertEquals(settingsOf(...sources).token, "alias");
  assertEquals(settingsOf(...sources).profileSlug, "default");
});

Deno.test("credentials.json gives the token, the workspace, and variables in and outside of envs", () => {
  const credentials = {
    token: "abc",
    email: "me@example.com",
    workspace_uuid: "u-1",
    workspace_slug: "lab",
    CYBERWAVE_MQTT_HOST: "outside",
    CYBERWAVE_ENVIRONMENT: "outside",
    envs: { CYBERWAVE_ENVIRONMENT: "dev", CYBERWAVE_MQTT_PORT: 8883, CYBERWAVE_API_KEY: "other" },
  };
  const settings = settingsOf(credentialsSource(credentials, "credentials.json"));
  assertEquals(settings.token, "abc");
  assertEquals([settings.workspaceUuid, settings.workspaceSlug], ["u-1", "lab"]);
  assertEquals([settings.mqttHost, settings.environment], ["outside", "dev"]);
  assertEquals([settings.mqttPort, settings.mqttUseTls], [8883, true]);
});

Deno.test("a pool is named before it is said how to subscribe to it", () => {
  assertThrows(
    () => resolveConfig({ poolTopic: "$queue/gpu" }),
    ConfigError,
    "pool_topic says how to subscribe to a pool, but pool names none",
  );
  const { pool, poolTopic, poolPrefetch } = resolveConfig({ pool: "gpu", poolTopic: "$queue/gpu" });
  assertEquals([pool, poolTopic, poolPrefetch], ["gpu", "$queue/gpu", 0]);
  assertThrows(() => resolveConfig({ pool: "a/b" }), ConfigError, "pool must not hold +, #, /");
});

Deno.test("TLS follows the port unless it is said", () => {
  const cases: [Record<string, unknown>, boolean][] = [
    [{}, false],
    [{ mqtt_port: 8883 }, true],
    [{ mqtt_port: "8883" }, true],
    [{ mqtt_port: 8883, mqtt_use_tls: false }, false],
    [{ mqtt_port: 1883, mqtt_use_tls: true }, true],
  ];
  for (const [mapping, expected] of cases) {
    assertEquals(settingsOf(yaml(mapping)).mqttUseTls, expected, JSON.stringify(mapping));
  }
});

Deno.test("paths are relative to the work folder, and ~ is the user's own", () => {
  const cases: [string, string][] = [
    ["certs/ca.pem", "/project/certs/ca.pem"],
    ["../ca.pem", "/ca.pem"],
    ["/etc/ca.pem", "/etc/ca.pem"],
    ["~/ca.pem", "/home/me/ca.pem"],
    ["~", "/home/me"],
    ["~me/ca.pem", "/project/~me/ca.pem"],
  ];
  for (const [given, expected] of cases) {
    const settings = settingsOf(yaml({
      mqtt_tls_ca_certs: given,
      state_folder: given,
      results_folder: given,
      upload_results: false,
    }));
    assertEquals(settings.mqttTlsCaCerts, resolve(expected));
    assertEquals(settings.resultsFolder, resolve(expected));
    assertEquals(settings.stateFolder, resolve(expected));
  }
});

Deno.test("results are looked for in /results and uploaded, unless somebody says otherwise", () => {
  const settings = settingsOf();
  assertEquals([settings.uploadResults, settings.resultsFolder], [true, resolve("/results")]);
  assertEquals(settingsOf(yaml({ upload_results: "no" })).uploadResults, false);
  const given = { CYBERWAVE_UPLOAD_RESULTS: "0", CYBERWAVE_RESULTS_FOLDER: "out" };
  assertEquals(settingsOf(environment(given)).uploadResults, false);
  assertEquals(settingsOf(environment(given)).resultsFolder, resolve("/project/out"));
});

Deno.test("results, which are removed once sent, may not be where anything else is", () => {
  for (const folder of [".", "..", "/", "/project", "~", "/home/me"]) {
    const message = messageOf(yaml({ results_folder: folder }));
    assertStringIncludes(message, "results_folder must not hold ");
    settingsOf(yaml({ results_folder: folder, upload_results: false }));
  }
  for (const folder of ["results", "/projects", "..results", "~/.cyberwave/results"]) {
    settingsOf(yaml({ results_folder: folder }));
  }
});

Deno.test("a wrong value names the setting, the value, what is expected and where it is from", () => {
  assertEquals(
    messageOf(yaml({ heartbeat_interval: "abc" })),
    "heartbeat_interval must be a positive number of seconds or a duration such as 30s, 5m or 2h, " +
      'got "abc" (from cyberwave.yml)',
  );
  assertEquals(
    messageOf(flagSource({ "mqtt-port": "70000" })),
    'mqtt_port must be a port number between 1 and 65535, got "70000" (from --mqtt-port)',
  );
  assertEquals(
    messageOf(yaml({ install: 7 })),
    "install must be text (put it in quotes), got 7 (from cyberwave.yml)",
  );
});

Deno.test("all wrong values are told at once, one a line", () => {
  const message = messageOf(
    environment({ CYBERWAVE_MQTT_PORT: "x", CYBERWAVE_API_TOKEN: "hunter2 hunter2" }),
    yaml({ timeout: { training: 0 }, mqtt_port: "overridden, so never mind" }),
  );
  assertEquals(message.split("\n"), [
    "3 settings are wrong:",
    "token must be a single word of ASCII characters (from environment variable CYBERWAVE_API_TOKEN)",
    'mqtt_port must be a port number between 1 and 65535, got "x" ' +
    "(from environment variable CYBERWAVE_MQTT_PORT)",
    "timeout for training must be a positive number of seconds or a duration such as 30s, 5m or 2h, " +
    "got 0 (from cyberwave.yml)",
  ]);
});

Deno.test("slugs and UUIDs that cannot stand in a topic or URL are refused wherever they are from", () => {
  for (const hostile of ["a+b", "a#", "a/b", "a\0b", " ", ".."]) {
    const sources = [
      flagSource({ slug: hostile }),
      flagSource({ profile: hostile }),
      environment({ CYBERWAVE_INSTANCE_SLUG: hostile }),
      environment({ CYBERWAVE_CLOUD_NODE_INSTANCE_UUID: hostile }),
      environment({ CYBERWAVE_WORKSPACE_SLUG: hostile }),
      yaml({ profile_slug: hostile }),
      credentialsSource({ workspace_slug: hostile }, "credentials.json"),
      credentialsSource({ workspace_uuid: hostile }, "credentials.json"),
    ];
    for (const source of sources) messageOf(source);
    assertThrows(() => resolveConfig({ slug: hostile }), ConfigError);
    assertThrows(() => resolveConfig({ instanceUuid: hostile }), ConfigError);
  }
  messageOf(flagSource({ slug: "" }));
  messageOf(yaml({ profile_slug: "" }));
  assertThrows(() => resolveConfig({ slug: "" }), ConfigError);
});

Deno.test("a program gives its configuration in the same terms", () => {
  const settings = resolveConfig({
    token: "abc",
    mqttPort: 8883,
    concurrency: { inference: 2 },
    maxQueued: 5,
    timeout: undefined,
    stateFolder: "state",
    workFolder: "examples",
  });
  assertEquals([settings.token, settings.mqttPort, settings.mqttUseTls], ["abc", 8883, true]);
  assertEquals(settings.concurrency, { inference: 2, training: 1, simulate: 1 });
  assertEquals(settings.maxQueued, { inference: 5, training: 5, simulate: 5 });
  assertEquals(settings.timeout, {});
  assertEquals(settings.workFolder, resolve("examples"));
  assertEquals(settings.stateFolder, resolve("examples/state"));
});

Deno.test("without folders a program's node works here and keeps its state at home", () => {
  assertEquals(resolveConfig({}).workFolder, Deno.cwd());
  assertEquals(resolveConfig({}).stateFolder, join(homedir(), ".cyberwave"));
});

Deno.test("what is wrong with a program's configuration is told in its own names", () => {
  const wrong: [Parameters<typeof resolveConfig>[0], string][] = [
    [
      { heartbeatInterval: -1 },
      "heartbeatInterval must be a positive number of seconds or a duration such as 30s, 5m or 2h, " +
      "got -1 (from the config given)",
    ],
    [
      { inference: 'python x.py "{body}"' },
      "inference must not have {body} inside double quotes, it is quoted already: " +
      "write python x.py {body} (from the config given)",
    ],
    [{ workFolder: "" }, 'workFolder must be a path, got "" (from the config given)'],
  ];
  for (const [config, message] of wrong) {
    assertEquals(assertThrows(() => resolveConfig(config), ConfigError).message, message);
  }
});
