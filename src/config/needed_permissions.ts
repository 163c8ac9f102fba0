/**
 * The permissions that a node needs: those of every node, and those that follow from its settings.
 *
 * @module
 */
import { dirname } from "node:path";
import { OS } from "../os/current.ts";
import { type Need, readPermission } from "../permissions.ts";
import { WORKLOAD_KINDS } from "../protocol/kinds.ts";
import type { Settings } from "./config.ts";
import { readHttpAddress, unnamedSocket } from "./values/http_address.ts";
import { readOtlp } from "./otlp.ts";

/**
 * What a node with these settings must be allowed where workloads run under `shell`. `env` is its
 * environment, which may name a collector of traces.
 */
export function nodePermissions(
  settings: Settings,
  shell: "bash" | "sh",
  env: Readonly<Record<string, string>> = {},
): Need[] {
  const { stateFolder, workFolder, mqttTlsCaCerts, envFile } = settings;
  return [
    readPermission(workFolder, "the folder of cyberwave.yml and .env"),
    ...statePermissions(stateFolder),
    ...(mqttTlsCaCerts === undefined ? [] : [readPermission(mqttTlsCaCerts, "mqtt_tls_ca_certs")]),
    ...envFile.map(({ path }) => readPermission(path, "env_file")),
    { what: { name: "net", host: apiHost(settings) }, why: "the backend" },
    brokerPermission(settings),
    ...(settings.http === undefined ? [] : [...httpPermissions(settings.http), ...LOAD]),
    ...serverPermissions(settings),
    ...collectorPermissions(env),
    ...(settings.uploadResults ? resultPermissions(settings) : []),
    ...["sh", shell].map((command): Need => ({ what: { name: "run", command }, why: "workloads" })),
    ...SESSION_PERMISSIONS,
    { what: { name: "sys", kind: "statfs" }, why: "to see how full the disk is" },
    HOME_FOLDER,
  ];
}

/** What starting workloads fast takes. A node without it works, too. */
const SESSION_PERMISSIONS: readonly Need[] = OS.sessionProgram === undefined ? [] : [
  { what: { name: "run", command: OS.sessionProgram }, why: "workloads", isOptional: true },
];

/** What looking into the state folder takes. SQLite opens its files for writing whatever it does. */
export function statePermissions(stateFolder: string): Need[] {
  const why = "the state folder";
  return [
    readPermission(stateFolder, why),
    { what: { name: "write", path: stateFolder }, why },
  ];
}

/** What sending result files takes. The platform names the hosts only when there is something to send. */
function resultPermissions({ resultsFolder, apiUrl }: Settings): Need[] {
  const { hostname } = new URL(apiUrl);
  // A backend on this computer stores on this computer.
  const isLocal = /^(localhost|127\..*|\[::1\])$/.test(hostname);
  return [
    readPermission(resultsFolder, "results_folder"),
    { what: { name: "write", path: resultsFolder }, why: "results_folder" },
    {
      what: isLocal ? { name: "net", host: hostname } : { name: "net" },
      why: "for result files, whose hosts the platform names; upload_results: false sends none",
    },
  ];
}

/** What answering over HTTP takes. */
function httpPermissions(http: string): Need[] {
  const address = readHttpAddress(http);
  const why = "http";
  switch (address?.type) {
    case "tcp": {
      const { hostname, port } = address;
      const host = hostname.includes(":") ? `[${hostname}]` : hostname;
      return [{ what: { name: "net", host: `${host}:${port}` }, why }];
    }
    case "auto":
      return [{ what: { name: "net", host: "127.0.0.1" }, why }];
    case "unix":
      return [
        readPermission(dirname(address.path), why),
        { what: { name: "write", path: dirname(address.path) }, why },
        ...[address.path, unnamedSocket(address.path).path].map((path): Need => ({
          what: { name: "net", host: `unix:${path}` },
          why,
        })),
      ];
    case undefined:
      return [];
  }
}

/** What showing how busy the machine is takes: without it the page has no chart of that. */
const LOAD: readonly Need[] = (["cpus", "systemMemoryInfo"] as const).map((kind): Need => ({
  what: { name: "sys", kind },
  why: "to show how busy this machine is",
  isOptional: true,
}));

/** What talking to the broker takes. */
function brokerPermission({ mqttHost, mqttPort }: Settings): Need {
  const host = mqttHost.includes(":") ? `[${mqttHost}]` : mqttHost;
  return { what: { name: "net", host: `${host}:${mqttPort}` }, why: "the MQTT broker" };
}

/** What sending commands to servers takes. */
function serverPermissions(settings: Settings): Need[] {
  const hosts = WORKLOAD_KINDS.flatMap((kind) => {
    const program = settings[kind];
    if (program?.type === "ray") return [hostOf(program.address)];
    if (program?.type !== "server") return [];
    return [program.url, ...(program.ready === undefined ? [] : [program.ready.url])].map(hostOf);
  });
  return [...new Set(hosts)].map((host) => ({
    what: { name: "net", host },
    why: "the server that commands are sent to",
  }));
}

/** What sending traces takes. */
export function collectorPermissions(env: Readonly<Record<string, string>>): Need[] {
  const { target } = readOtlp(env);
  if (target === undefined) return [];
  return [{ what: { name: "net", host: hostOf(target.url) }, why: "the collector of traces" }];
}

function apiHost({ apiUrl }: Settings): string {
  return hostOf(apiUrl);
}

function hostOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === "http:" ? 80 : 443)}`;
}

/** What finding the state folder takes, where nothing names it. */
const HOME_FOLDER: Need = { what: { name: "sys", kind: "homedir" }, why: "for ~/.cyberwave" };

/**
 * The environment variables that are allowed by name: those of the node, and those that shells and
 * the tools of machine learning are steered by. Workloads see no others, unless they are allowed.
 */
export const VARIABLES: readonly string[] = [
  ...["CYBERWAVE_*", "JSR_URL"],
  ...["HOME", "PATH", "PWD", "SHELL", "USER", "LOGNAME", "TERM", "LANG", "LANGUAGE", "LC_*", "TZ"],
  ...[
    "TMPDIR",
    "TMP",
    "TEMP",
    "XDG_*",
    "NOTIFY_SOCKET",
    "WATCHDOG_*",
    "JOURNAL_STREAM",
    "SUDO_USER",
  ],
  ...["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"],
  ...["http_proxy", "https_proxy", "all_proxy", "no_proxy"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
  ...["NODE_EXTRA_CA_CERTS", "DENO_CERT", "DENO_TLS_CA_STORE", "DENO_DIR"],
  "OTEL_*",
  ...["LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_*", "PYTHON*", "PYTORCH_*", "TORCH_*", "TF_*"],
  ...["CUDA_*", "NVIDIA_*", "NCCL_*", "ROCR_*", "HIP_*", "OMP_*", "MKL_*", "XLA_*", "JAX_*"],
  ...[
    "HF_*",
    "HUGGINGFACE_*",
    "TRANSFORMERS_*",
    "WANDB_*",
    "MUJOCO_*",
    "ROS_*",
    "SLURM_*",
    "RAY_*",
    "KUBECONFIG",
    "KUBERNETES_SERVICE_*",
  ],
  ...["USERNAME", "USERPROFILE", "SYSTEMROOT", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA"],
];

/** The names among `variables` that {@linkcode VARIABLES} leaves out. */
export function unnamedVariables(variables: readonly string[]): string[] {
  return variables.filter((name) =>
    !VARIABLES.some((pattern) =>
      pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern
    )
  );
}

/** The flags that allow {@linkcode VARIABLES} and hide the rest: packages look at many. */
export function environmentFlags(more: readonly string[] = []): string[] {
  return [`--allow-env=${[...VARIABLES, ...more].join(",")}`, "--ignore-env"];
}
