/**
 * The keys of a program's mapping in cyberwave.yml.
 *
 * @module
 */
import type { ClusterType } from "./cluster_programs.ts";
import { CLUSTER_TYPES, clusterProgram } from "./cluster_value.ts";
import type { ServerApi } from "./workload_program.ts";
import { endpoint } from "../values/service_url.ts";
import { isMapping } from "../sources.ts";
import { type Parsed, refuse, type ValueType } from "../values/values.ts";
import * as values from "../values/values.ts";

/** The forms of a program: the key that makes it one. */
export type ProgramForm = "command" | "worker" | "server" | ClusterType;

/** The forms that are the name of a key. */
export const PROGRAM_FORMS: readonly ProgramForm[] = [
  "command",
  "worker",
  "server",
  ...CLUSTER_TYPES,
];

/** One key. */
interface ProgramKey<T = unknown> {
  /** What its values are. */
  readonly type: ValueType<T>;
  /** Its value when it is not given. */
  readonly default?: T;
  /** The default in words, where it is none. */
  readonly defaultText?: string;
  /** The forms that have it. */
  readonly forms: readonly ProgramForm[];
  /** What it means. */
  readonly help: string;
}

const WARM = ["worker", "server"] as const;
const SERVER = ["server"] as const;

/** The readiness check of a server; for a worker, whether it sends `ready`. */
const readiness: ValueType<unknown> = {
  parse(value) {
    if (typeof value === "boolean") return { value };
    const given: unknown = typeof value === "string" ? { url: value } : value;
    if (!isMapping(given)) return refuse("a URL, or a mapping of url, every and timeout", value);
    const unknown = Object.keys(given).find((key) => !["url", "every", "timeout"].includes(key));
    if (unknown !== undefined) return refuse("given for url, every, timeout", unknown);
    const url = endpoint.parse(given.url);
    if ("problem" in url) return typeof value === "string" ? url : another("url", url);
    const every = values.positiveSeconds.parse(given.every ?? 1);
    if ("problem" in every) return another("every", every);
    const timeout = values.positiveSeconds.parse(given.timeout ?? 5);
    if ("problem" in timeout) return another("timeout", timeout);
    return { value: { url: url.value, every: every.value, timeout: timeout.value } };
  },
  format: (value) => isMapping(value) ? String(value.url) : String(value),
};

function another(name: string, { problem }: { readonly problem: string }) {
  return { problem: `must have another ${name}: it ${problem}` };
}

/** Headers by their names. Their values may be secrets. */
const headers: ValueType<Readonly<Record<string, string>>> = {
  parse(value) {
    if (!isMapping(value)) return refuse("a mapping of headers to values", value);
    const result: Record<string, string> = {};
    for (const [name, given] of Object.entries(value)) {
      if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return refuse("given for names of headers", name);
      const text = ["string", "number", "boolean"].includes(typeof given) ? String(given) : "\n";
      if (/[\r\n\0]/.test(text)) return { problem: `must give ${name} one line of text` };
      result[name] = text;
    }
    return { value: result };
  },
  format: (value) => `{${Object.keys(value).join(", ")}}`,
};

/** The command that starts a worker or server. Its command line has no params. */
const startCommand: ValueType<string> = {
  ...values.shellCommand,
  parse(value): Parsed<string> {
    const parsed = values.shellCommand.parse(value);
    if ("problem" in parsed || !/\{body(_file)?\}/.test(parsed.value)) return parsed;
    return {
      problem: "must not have {body}: it is started once, and each command's params come later",
    };
  },
};

/** Every key, in the order in which the documentation lists them. */
const PROGRAM_KEYS = {
  command: {
    type: values.template,
    forms: ["command"],
    help: "The same as the text alone: a process for each command",
  },
  worker: {
    type: startCommand,
    forms: ["worker"],
    help: "Shell command that is started once and takes commands over standard input",
  },
  server: {
    type: startCommand,
    forms: SERVER,
    help: "Shell command that starts an HTTP server; without it somebody else runs that",
  },
  slurm: {
    type: clusterProgram("slurm"),
    forms: ["slurm"],
    help: "A Slurm job for each command: `{command, options, pending_timeout}`",
  },
  kubernetes: {
    type: clusterProgram("kubernetes"),
    forms: ["kubernetes"],
    help: "A Kubernetes Job for each command: `{image, command, volume_claim, mount_path, ...}`",
  },
  ray: {
    type: clusterProgram("ray"),
    forms: ["ray"],
    help:
      "A Ray job for each command: `{address, command, runtime_env, num_gpus, pending_timeout}`",
  },
  url: { type: endpoint, forms: SERVER, help: "Where the server takes commands" },
  workers: {
    type: values.positiveCount,
    default: 1,
    forms: ["worker"],
    help: "How many workers run",
  },
  concurrency: {
    type: values.positiveCount,
    default: 1,
    forms: WARM,
    help: "Commands in hand at one worker, or at the server",
  },
  ready: {
    type: readiness,
    defaultText: "`url` answers at all",
    forms: WARM,
    help: "URL that says whether the server is ready, or `{url, every, timeout}` (1 s, 5 s); " +
      "`false`: a worker is ready from its start",
  },
  ready_timeout: {
    type: values.positiveSeconds,
    default: 600,
    forms: WARM,
    help: "Seconds that loading may take",
  },
  wrap: {
    type: values.text,
    forms: SERVER,
    help: "Name of the member that params are put into",
  },
  unwrap: {
    type: values.text,
    forms: SERVER,
    help: "Name of the member that the answer is taken from",
  },
  api: {
    type: values.oneOf<ServerApi>("json", "cog", "oip", "runpod", "openai"),
    default: "json",
    forms: SERVER,
    help: "What the server speaks: `json`, `cog`, `oip`, `runpod` or `openai`",
  },
  headers: {
    type: headers,
    default: {},
    defaultText: "none",
    forms: SERVER,
    help: "Headers of each request, in which `${NAME}` is a variable",
  },
  restart_after: {
    type: values.count,
    default: 0,
    forms: ["worker"],
    help: "Commands after which a worker is replaced; 0 for never",
  },
  unload_timeout: {
    type: values.seconds,
    default: 10,
    forms: WARM,
    help: "Seconds between asking it to end and killing it",
  },
  keep_loaded: {
    type: values.seconds,
    default: 300,
    forms: WARM,
    help: "Seconds for which it stays without a node; 0: it ends with the node",
  },
  yield_to: {
    type: values.oneOf("training"),
    forms: WARM,
    help: "`training`: it ends while a training runs or waits, to free the GPU",
  },
} as const satisfies Readonly<Record<string, ProgramKey>>;

/** The name of a key. */
export type ProgramKeyName = keyof typeof PROGRAM_KEYS;

/** The names of the keys. */
export const PROGRAM_KEY_NAMES = Object.keys(PROGRAM_KEYS) as ProgramKeyName[];

/** What there is to know about a key. */
export function programKey(name: ProgramKeyName): ProgramKey {
  return PROGRAM_KEYS[name];
}
