/**
 * The settings table. Flags, variables, YAML keys, validation, `--help` and the README come from it.
 *
 * @module
 */
import { ACCOUNT_SETTINGS } from "./account_settings.ts";
import { WORKLOAD_KINDS } from "../../protocol/kinds.ts";
import { GPU_SETTINGS } from "./gpu_settings.ts";
import { HOOK_SETTINGS } from "./hook_settings.ts";
import { httpAddress } from "../values/http_address.ts";
import { eachOf, sameForAll, someOf } from "../values/named_values.ts";
import { POOL_SETTINGS } from "./pool_settings.ts";
import { PROGRAM_SETTINGS } from "./program_settings.ts";
import type { Setting, SettingKey, SettingRows } from "./setting.ts";
import { inSnakeCase } from "../sources.ts";
import * as values from "../values/values.ts";

const MiB = 2 ** 20;
const GiB = 2 ** 30;

const ONE_OF_EACH = sameForAll(WORKLOAD_KINDS, 1);
const MANY_OF_EACH = sameForAll(WORKLOAD_KINDS, 10_000);
/** A simulation takes up to 95 s to take down its containers. */
const CANCEL_GRACE = { ...sameForAll(WORKLOAD_KINDS, 10), simulate: 120 };
const KEPT = { succeeded: 1_000, failed: 10_000 };

const TABLE: SettingRows<SettingKey> = {
  ...ACCOUNT_SETTINGS,
  mqttHost: {
    group: "Broker",
    type: values.hostName,
    help: "The MQTT broker's host name or address",
    default: "mqtt.cyberwave.com",
    flag: { name: "mqtt-host", value: "HOST" },
  },
  mqttPort: {
    group: "Broker",
    type: values.port,
    help: "The MQTT broker's port",
    default: 1883,
    flag: { name: "mqtt-port", value: "PORT" },
  },
  mqttUseTls: {
    group: "Broker",
    type: values.boolean,
    help: "Whether to speak TLS with the broker: `true` or `false`",
    defaultText: "true when the port is 8883",
  },
  mqttTlsCaCerts: {
    group: "Broker",
    type: values.path,
    help: "PEM file of the certificate authorities to trust, relative to the config file",
    defaultText: "those the runtime trusts",
  },
  mqttUsername: {
    group: "Broker",
    type: values.text,
    help: "The user name at the broker",
    defaultText: "the instance's UUID, else its slug",
  },
  mqttPassword: {
    group: "Broker",
    type: values.password,
    help: "The password at the broker",
    defaultText: "the API token",
  },
  ...POOL_SETTINGS,
  ...PROGRAM_SETTINGS,
  concurrency: {
    group: "Workloads",
    type: eachOf(values.positiveCount, ONE_OF_EACH),
    help: "How many workloads of a kind run at once: `2`, or `inference=2,training=1`",
    default: ONE_OF_EACH,
    defaultText: "1, or by the GPUs given",
    flag: { name: "concurrency", value: "N" },
  },
  ...GPU_SETTINGS,
  maxQueued: {
    group: "Workloads",
    type: eachOf(values.count, MANY_OF_EACH),
    help: "How many commands of a kind may wait; 0 refuses what cannot start",
    default: MANY_OF_EACH,
  },
  queuePlatformWorkloads: {
    group: "Workloads",
    type: values.boolean,
    help: "Whether workloads of the platform wait here rather than being refused as busy",
    default: false,
  },
  memoryLimit: {
    group: "Workloads",
    type: someOf(WORKLOAD_KINDS, values.byteSize),
    help: "Memory that a workload may have: `8 GiB`, or `inference=8 GiB,training=64 GiB`",
    default: {},
    defaultText: "all there is",
  },
  timeout: {
    group: "Workloads",
    type: someOf(WORKLOAD_KINDS, values.positiveSeconds),
    help: "Seconds after which a workload is stopped: `60`, or `inference=60`",
    default: {},
    defaultText: "never",
  },
  cancelGrace: {
    group: "Workloads",
    type: eachOf(values.seconds, CANCEL_GRACE),
    help: "Seconds between asking a workload to stop and killing it: `5`, or `simulate=300`",
    default: CANCEL_GRACE,
  },
  maxOutput: {
    group: "Workloads",
    type: values.byteSize,
    help: "Bytes of a workload's output that a reply carries at most",
    default: 4 * MiB,
  },
  maxOutputFiles: {
    group: "Workloads",
    type: values.byteSize,
    help: "Bytes of each output stream of a workload kept on disk; of more the middle is dropped",
    default: GiB,
  },
  maxCommandSize: {
    group: "Workloads",
    type: values.byteSize,
    help: "Bytes a command may have at most",
    default: 16 * MiB,
  },
  uploadResults: {
    group: "Workloads",
    type: values.boolean,
    help: "Whether files in `results_folder` go to the platform after success: `true` or `false`",
    default: true,
  },
  resultsFolder: {
    group: "Workloads",
    type: values.path,
    help:
      "Where workloads leave their results, relative to the config file; sent files are removed",
    default: "/results",
  },
  results: {
    group: "Workloads",
    type: values.globs,
    help: "Which files are results, by patterns with `*`, `**` and `?`, such as `*_chkpt/**`",
    default: [],
    defaultText: "all",
  },
  uploadWhileRunning: {
    group: "Workloads",
    type: values.seconds,
    help: "Seconds between uploads of results that a running workload has finished; 0 for none",
    default: 0,
  },
  passToken: {
    group: "Workloads",
    type: values.boolean,
    help: "Whether workloads get the node's token and broker password in their environment",
    default: true,
  },
  dedupeWindow: {
    group: "Workloads",
    type: values.seconds,
    help: "Seconds for which a request id is remembered, so as to run it once; 0 for not at all",
    default: 3600,
  },
  heartbeatInterval: {
    group: "Node",
    type: values.positiveSeconds,
    help: "Seconds between heartbeats",
    default: 30,
    flag: { name: "heartbeat-interval", value: "TIME" },
  },
  stopTimeout: {
    group: "Node",
    type: values.seconds,
    help: "Seconds the node may take to stop",
    default: 10,
    flag: { name: "stop-timeout", value: "TIME" },
  },
  stateFolder: {
    group: "Node",
    type: values.path,
    help: "Folder of the node's identity, journal and workloads, of `.env` and `credentials.json`",
    defaultText: "~/.cyberwave",
    flag: { name: "state-folder", value: "PATH" },
    env: ["CYBERWAVE_EDGE_CONFIG_DIR"],
  },
  keepWorkloads: {
    group: "Node",
    type: values.days,
    help: "Days for which the files of ended workloads are kept",
    default: 7,
  },
  keepWorkloadsCount: {
    group: "Node",
    type: eachOf(values.count, KEPT),
    help: "How many ended workloads keep their files: `500`, or `succeeded=1000,failed=10000`",
    default: KEPT,
  },
  keepWorkloadsSize: {
    group: "Node",
    type: values.byteSize,
    help: "Bytes the files and the delivered replies of ended workloads may take up",
    default: GiB,
  },
  logFormat: {
    group: "Node",
    type: values.oneOf("text", "json"),
    help: "How log lines look: `text` or `json`",
    default: "text",
    flag: { name: "log-format", value: "FORMAT" },
  },
  logLevel: {
    group: "Node",
    type: values.oneOf("debug", "info", "warn", "error"),
    help: "Which lines are logged: `debug`, `info`, `warn` or `error` and above; `-v` is `debug`",
    default: "info",
    flag: { name: "log-level", value: "LEVEL" },
  },
  logJobOutput: {
    group: "Node",
    type: values.oneOf("all", "progress", "none"),
    help: "What jobs print in the log: `all`, `progress` for a line every 10 s, or `none`",
    default: "all",
  },
  logStreamInterval: {
    group: "Node",
    type: values.seconds,
    help: "Seconds between batches of output and log lines to the platform; 0 sends none",
    default: 3,
    flag: { name: "log-stream-interval", value: "TIME" },
    env: ["CYBERWAVE_WORKLOAD_LOG_STREAM_INTERVAL"],
  },
  http: {
    group: "Node",
    type: httpAddress,
    help: "Where to answer over HTTP: `8470`, `HOST:PORT`, `auto` or `unix:PATH`",
    defaultText: "nowhere",
    flag: { name: "http", value: "ADDRESS" },
  },
  ...HOOK_SETTINGS,
};

/** Every setting, in the order in which the documentation lists them. */
export const SETTINGS: readonly Setting[] = Object.entries(TABLE).map(([key, row]) => {
  const name = inSnakeCase(key);
  return {
    key: key as SettingKey,
    name,
    env: [`CYBERWAVE_${name.toUpperCase()}`],
    yaml: [name],
    ...row,
  };
});
