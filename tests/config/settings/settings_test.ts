import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Settings } from "../../../src/config/config.ts";
import type { CloudNodeConfig } from "../../../src/config/node_config.ts";
import type { SettingKey } from "../../../src/config/settings/setting.ts";
import { SETTINGS } from "../../../src/config/settings/settings.ts";

const VARIABLES = `
  CYBERWAVE_API_TOKEN CYBERWAVE_WORKSPACE_SLUG CYBERWAVE_INSTANCE_SLUG CYBERWAVE_API_URL
  CYBERWAVE_MQTT_HOST CYBERWAVE_MQTT_PORT CYBERWAVE_MQTT_USERNAME CYBERWAVE_MQTT_PASSWORD
  CYBERWAVE_ENVIRONMENT CYBERWAVE_INSTALL_SCRIPT CYBERWAVE_INFERENCE_CMD CYBERWAVE_TRAINING_CMD
  CYBERWAVE_PROFILE_SLUG CYBERWAVE_HEARTBEAT_INTERVAL CYBERWAVE_API_KEY CYBERWAVE_BASE_URL
  CYBERWAVE_CLOUD_NODE_INSTANCE_UUID CYBERWAVE_NODE_ENVIRONMENT_UUID CYBERWAVE_SIMULATE_CMD CYBERWAVE_MQTT_USE_TLS
  CYBERWAVE_MQTT_TLS_CA_CERTS CYBERWAVE_EDGE_CONFIG_DIR CYBERWAVE_WORKLOAD_LOG_STREAM_INTERVAL
  CYBERWAVE_UPLOAD_RESULTS CYBERWAVE_RESULTS_FOLDER`.trim().split(/\s+/);

const YAML_KEYS = `
  install_script install inference training simulate profile_slug heartbeat_interval mqtt_host
  mqtt_port mqtt_use_tls mqtt_tls_ca_certs mqtt_username mqtt_password max_output max_command_size
  control_plane environment_uuid concurrency max_queued queue_platform_workloads dedupe_window timeout cancel_grace keep_workloads
  log_stream_interval upload_results results_folder pass_token`.trim().split(/\s+/);

const FLAGS = [
  "slug",
  "profile",
  "environment-uuid",
  "mqtt-host",
  "mqtt-port",
  "stop-timeout",
  "log-format",
  "log-level",
];

function missing(wanted: string[], present: string[]): string[] {
  return wanted.filter((name) => !present.includes(name));
}

Deno.test("every variable of the protocol is in the table", () => {
  assertEquals(missing(VARIABLES, SETTINGS.flatMap(({ env }) => env)), []);
});

Deno.test("every cyberwave.yml key of the protocol is in the table", () => {
  assertEquals(missing(YAML_KEYS, SETTINGS.flatMap(({ yaml }) => yaml)), []);
});

Deno.test("every flag of the protocol that names a setting is in the table", () => {
  assertEquals(missing(FLAGS, SETTINGS.flatMap(({ flag }) => flag?.name ?? [])), []);
});

Deno.test("every field of a configuration is in the table, and every setting is such a field", () => {
  // The compiler is what checks this one.
  type InTable = SettingKey | "workFolder";
  const nothingMissing: Exclude<keyof CloudNodeConfig, InTable> extends never ? true : false = true;
  const nothingMore: Exclude<InTable, keyof CloudNodeConfig> extends never ? true : false = true;
  // What follows from others is no setting.
  type Given = Exclude<keyof Settings, "gpuLanes">;
  const same: Exclude<Given, InTable> extends never ? true : false = true;
  assert(nothingMissing && nothingMore && same);
});

Deno.test("no two settings share a key, a flag, a variable or a YAML key", () => {
  for (
    const names of [
      SETTINGS.map(({ key }) => key as string),
      SETTINGS.flatMap(({ flag }) => flag?.name ?? []),
      SETTINGS.flatMap(({ env }) => env),
      SETTINGS.flatMap(({ yaml }) => yaml),
    ]
  ) {
    assertEquals(names.filter((name, index) => names.indexOf(name) !== index), []);
  }
});

Deno.test("every setting has a variable, a group and a help text that fits in a line", () => {
  for (const { key, env, group, help } of SETTINGS) {
    // Variables that set variables would be one level too many.
    if (key !== "env") assertMatch(env[0] ?? "", /^CYBERWAVE_[A-Z_]+$/);
    assertMatch(group, /^[A-Z][a-z]+$/);
    assertMatch(help, /^[A-Z].{8,99}[^.]$/);
  }
});

Deno.test("every default is a value its own type accepts", () => {
  for (const { key, type, default: value } of SETTINGS) {
    if (value !== undefined) assertEquals(type.parse(value), { value }, key);
  }
});

Deno.test("secrets have no flag, because command lines are public", () => {
  const secrets = SETTINGS.filter(({ type }) => type.secret && type.format("hunter2") === "***");
  assertEquals(secrets.map(({ key }) => key), ["token", "mqttPassword"]);
  assertEquals(secrets.flatMap(({ flag }) => flag ?? []), []);
});
