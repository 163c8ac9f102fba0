/**
 * Reads what runs the commands of a kind as jobs of a cluster.
 *
 * @module
 */
import type { ClusterProgram, ClusterType } from "./cluster_programs.ts";
import { quoted } from "../../errors.ts";
import { endpoint } from "../values/service_url.ts";
import { nearest } from "../values/nearest.ts";
import { inCamelCase, inSnakeCase, isMapping } from "../sources.ts";
import { type Parsed, refuse, type ValueType } from "../values/values.ts";
import * as values from "../values/values.ts";

/** A key of a cluster's mapping. */
interface ClusterKey<T = unknown> {
  /** What its values are. */
  readonly type: ValueType<T>;
  /** Its value when it is not given; `undefined`: it has to be. */
  readonly default?: T;
  /** What it means. */
  readonly help: string;
}

/**
 * Options of sbatch that the node sets itself or that would make more than one job: they are
 * refused.
 */
const RESERVED =
  /^--(array|chdir|clusters?|comment|error|export(-file)?|get-user-env|input|job-name|no-requeue|open-mode|output|parsable|quiet|requeue|test-only|wait|wrap)(=|$)/;

/** Arguments of sbatch. */
const sbatchOptions: ValueType<readonly string[]> = {
  parse(value): Parsed<readonly string[]> {
    const words = typeof value === "string" ? value.split(/\s+/).filter(Boolean) : value;
    if (!Array.isArray(words)) return refuse("options of sbatch such as --gres=gpu:1", value);
    for (const word of words) {
      if (typeof word !== "string" || !/^--[a-z][\w-]*(=[^\0]*)?$/.test(word)) {
        return refuse("made of words such as --gres=gpu:1", word);
      }
      if (RESERVED.test(word)) {
        return { problem: `must not have ${quoted(word)}: the node decides that itself` };
      }
    }
    return { value: words };
  },
  format: (words) => words.join(" "),
};

/** What a cluster takes: it says itself what may be in it. */
const mapping: ValueType<Readonly<Record<string, unknown>>> = {
  parse: (value) => isMapping(value) ? { value } : refuse("a mapping", value),
  format: (value) => `{${Object.keys(value).join(", ")}}`,
};

/** How many GPUs: Ray shares one out as well. */
const gpus: ValueType<number> = {
  parse(value) {
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    const isRight = typeof number === "number" && number >= 0 && number <= 1000;
    return isRight ? { value: number } : refuse("a number of GPUs, such as 1 or 0.5", value);
  },
  format: String,
};

/** How many GPUs of a pod. */
const wholeGpus: ValueType<number> = {
  ...gpus,
  parse(value) {
    const parsed = gpus.parse(value);
    if ("problem" in parsed || Number.isInteger(parsed.value)) return parsed;
    return refuse("a whole number of GPUs", value);
  },
};

/** A name of something in Kubernetes. */
const kubernetesName: ValueType<string> = {
  parse(value) {
    const isName = typeof value === "string" &&
      /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(value);
    return isName ? { value } : refuse("a name in Kubernetes, such as cloud-node", value);
  },
  format: String,
};

/** A path in pods. */
const absolutePath: ValueType<string> = {
  parse(value) {
    const isPath = typeof value === "string" && /^\/[^\0:]+$/.test(value);
    return isPath ? { value: value.replace(/\/+$/, "") } : refuse("an absolute path", value);
  },
  format: String,
};

/** What the node decides itself, or what would be in its way. */
const podSpec: ValueType<Readonly<Record<string, unknown>>> = {
  ...mapping,
  parse(value) {
    const parsed = mapping.parse(value);
    if ("problem" in parsed) return parsed;
    const own = ["containers", "restartPolicy"].find((name) => name in parsed.value);
    if (own === undefined) return parsed;
    return { problem: `must not have ${own}: the node decides that itself` };
  },
};

/** The keys of each cluster, in the order in which the documentation lists them. */
const CLUSTER_KEYS = {
  slurm: {
    command: { type: values.template, help: "Shell command template, or a Python file" },
    options: {
      type: sbatchOptions,
      default: [],
      help: "More arguments of `sbatch`, such as `--partition=gpu --gres=gpu:1`",
    },
    pending_timeout: {
      type: values.seconds,
      default: 0,
      help: "Seconds for which a job may wait in Slurm's queue; 0 for as long as it takes",
    },
  },
  kubernetes: {
    image: { type: values.text, help: "The image of the pods, which has bash" },
    command: { type: values.template, help: "Shell command template, or a Python file" },
    volume_claim: {
      type: kubernetesName,
      help: "The PersistentVolumeClaim of the volume that holds the folders of the node",
    },
    mount_path: {
      type: absolutePath,
      help: "Where that volume is mounted, on the node as in the pods",
    },
    namespace: { type: kubernetesName, default: "default", help: "The namespace of the Jobs" },
    num_gpus: { type: wholeGpus, default: 0, help: "How many GPUs each pod gets" },
    pod: {
      type: podSpec,
      default: {},
      help: "More of the pod's specification, as Kubernetes takes it",
    },
    pending_timeout: {
      type: values.seconds,
      default: 0,
      help: "Seconds for which a pod may wait for its turn; 0 for as long as it takes",
    },
  },
  ray: {
    address: { type: endpoint, help: "Where Ray's dashboard is: `http://127.0.0.1:8265`" },
    command: { type: values.template, help: "Shell command template, or a Python file" },
    runtime_env: {
      type: mapping,
      default: {},
      help: "The runtime environment of the jobs, as Ray takes it",
    },
    num_gpus: { type: gpus, default: 0, help: "How many GPUs each job reserves, such as 1 or 0.5" },
    pending_timeout: {
      type: values.seconds,
      default: 0,
      help: "Seconds for which a job may wait for its turn; 0 for as long as Ray lets it",
    },
  },
} as const satisfies Readonly<Record<ClusterType, Readonly<Record<string, ClusterKey>>>>;

/** The clusters. */
export const CLUSTER_TYPES: readonly ClusterType[] = Object.keys(CLUSTER_KEYS) as ClusterType[];

/** The mapping of a cluster; a text is its command. */
export function clusterProgram(type: ClusterType): ValueType<ClusterProgram> {
  const keys: Readonly<Record<string, ClusterKey>> = CLUSTER_KEYS[type];
  return {
    parse: (value) => parseCluster(type, keys, value),
    format: (program) => {
      const shown = Object.entries(keys).flatMap(([name, key]) => {
        const value = (program as unknown as Record<string, unknown>)[inCamelCase(name)];
        const isDefault = JSON.stringify(value) === JSON.stringify(key.default);
        return isDefault ? [] : [`${name}: ${key.type.format(value)}`];
      });
      return `{${shown.join(", ")}}`;
    },
  };
}

function parseCluster(
  type: ClusterType,
  keys: Readonly<Record<string, ClusterKey>>,
  value: unknown,
): Parsed<ClusterProgram> {
  const given = typeof value === "string" ? { command: value } : value;
  const names = Object.keys(keys);
  if (!isMapping(given)) {
    return refuse(`a shell command, or a mapping of ${names.join(", ")}`, value);
  }
  const read: Record<string, unknown> = { type };
  const byName = Object.entries(given).map(([name, it]) => [inSnakeCase(name), it ?? undefined]);
  const all: Readonly<Record<string, unknown>> = Object.fromEntries(byName);
  for (const name of Object.keys(all)) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    const question = near === undefined ? "" : `, did you mean ${near}?`;
    return { problem: `has no key ${quoted(name)}${question}`, path: [name] };
  }
  for (const [name, key] of Object.entries(keys)) {
    if (all[name] === undefined && key.default === undefined) {
      return { problem: `must have ${/^[aeiou]/.test(name) ? "an" : "a"} ${name}` };
    }
    const parsed = all[name] === undefined ? { value: key.default } : key.type.parse(all[name]);
    if ("problem" in parsed) {
      return { problem: `has an invalid value for ${name}: it ${parsed.problem}`, path: [name] };
    }
    read[inCamelCase(name)] = parsed.value;
  }
  return { value: read as unknown as ClusterProgram };
}
