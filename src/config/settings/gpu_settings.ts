/**
 * The settings about GPUs that are given to workloads.
 *
 * @module
 */
import { ConfigError } from "../../errors.ts";
import { WORKLOAD_KINDS, type WorkloadKind } from "../../protocol/kinds.ts";
import type { GpuChoice, Settings } from "../config.ts";
import { eachOf, sameForAll } from "../values/named_values.ts";
import type { SettingRows } from "./setting.ts";
import { refuse, type ValueType } from "../values/value_type.ts";
import * as values from "../values/values.ts";
import { isWarm } from "../programs/workload_program.ts";

const EXPECTED = 'auto, how many GPUs, or a list such as [0, 1] or ["GPU-5f1d8a42"]';

/** A number, or a UUID as the driver shows it, of a GPU or of a part of one (MIG). */
const NAME = /^(\d{1,4}|(GPU|MIG)-[\w-]+(\/\d+\/\d+)?)$/;

/** Which GPUs. In one text a list has commas, or brackets: `0,1`, `[0]`. */
const gpuChoice: ValueType<GpuChoice> = {
  parse(value) {
    if (value === "auto") return { value };
    const list = listIn(value);
    if (list === undefined) {
      const count = values.positiveCount.parse(value);
      if ("problem" in count) return refuse(EXPECTED, value);
      return count.value > 1024 ? refuse("at most 1024 GPUs", value) : count;
    }
    const names = list.map((name) => typeof name === "number" ? String(name) : name);
    const isRight = names.length > 0 &&
      names.every((name): name is string => typeof name === "string" && NAME.test(name));
    if (!isRight) return refuse(EXPECTED, value);
    const isOfOneSort = new Set(names.map((name) => /^\d/.test(name))).size === 1;
    if (!isOfOneSort) return refuse("a list of numbers or one of UUIDs, not of both", value);
    if (new Set(names).size < names.length) return refuse("a list that names no GPU twice", value);
    return { value: names };
  },
  format: (gpus) => typeof gpus === "object" ? `[${gpus.join(", ")}]` : String(gpus),
};

function listIn(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  const [, inBrackets] = /^\[(.*)\]$/.exec(text) ?? [];
  if (inBrackets === undefined && !/[,-]/.test(text)) return undefined;
  return (inBrackets ?? text).split(",").map((name) => name.trim().replace(/^(["'])(.*)\1$/, "$2"));
}

const ONE_OF_EACH = sameForAll(WORKLOAD_KINDS, 1);

/** The rows of the settings table. */
export const GPU_SETTINGS: SettingRows<"gpus" | "gpusPer"> = {
  gpus: {
    group: "Workloads",
    type: gpuChoice,
    help: "GPUs that workloads get for themselves alone: `auto`, `2`, or `[0, 1]`",
    defaultText: "none: every workload sees all GPUs",
  },
  gpusPer: {
    group: "Workloads",
    type: eachOf(values.count, ONE_OF_EACH),
    help: "How many GPUs a workload of a kind gets: `1`, or `inference=1,training=2`; 0 for none",
    default: ONE_OF_EACH,
  },
};

/** What GPUs are needed for. */
type GpuSettings = Pick<Settings, WorkloadKind | "gpus" | "gpusPer">;

/** How many GPUs there are to give; `undefined`: none, or only the running node knows. */
export function gpuCount(gpus: GpuChoice | undefined): number | undefined {
  return typeof gpus === "object" ? gpus.length : gpus === "auto" ? undefined : gpus;
}

/**
 * How many workloads of a kind `count` GPUs are enough for, but at least one, which then waits
 * forever or fails.
 */
export function workloadsOn(count: number, needed: number): number {
  return needed === 0 ? 1 : Math.max(1, Math.floor(count / needed));
}

/** How many GPUs a command of a kind is given when it starts: a worker or server has its own. */
export function gpusOfCommand(settings: GpuSettings, kind: WorkloadKind): number {
  const type = settings[kind]?.type ?? "command";
  return type === "command" ? settings.gpusPer[kind] : 0;
}

/** How many GPUs the workers or the server of a kind hold, all together. */
function gpusLoaded(settings: GpuSettings, kind: WorkloadKind): number {
  const program = settings[kind];
  if (program === undefined || !isWarm(program)) return 0;
  if (program.type === "worker") return program.workers * settings.gpusPer[kind];
  return program.command === undefined ? 0 : settings.gpusPer[kind];
}

/** The programs that can never get the GPUs that they need, of `count`. */
export function gpuProblems(settings: GpuSettings, count: number): ConfigError[] {
  const kinds = WORKLOAD_KINDS.filter((kind) => settings[kind] !== undefined);
  const have = count === 1 ? "gpus gives 1" : `gpus gives ${count}`;
  return kinds.flatMap((kind) => {
    const program = settings[kind]!;
    const own = program.type === "command" ? settings.gpusPer[kind] : gpusLoaded(settings, kind);
    if (own === 0) return [];
    if (own > count) {
      const what = program.type === "worker" ? `the workers of ${kind} need` : `${kind} needs`;
      const hint = "Lower gpus_per" +
        (program.type === "worker" ? ", or run fewer workers" : "");
      return [new ConfigError(`${what} ${own} GPUs, but ${have}`, { hint })];
    }
    const others = kinds.filter((other) => other !== kind && staysBeside(settings, other, kind));
    const held = others.reduce((sum, other) => sum + gpusLoaded(settings, other), 0);
    if (held === 0 || own + held <= count) return [];
    const hint = kind === "training"
      ? `Set yield_to: training for ${others.join(" and ")}, or lower gpus_per`
      : "Lower gpus_per, or load fewer workers or servers";
    const what = `${kind} needs ${own} GPUs, but the workers or servers of`;
    return [
      new ConfigError(`${what} ${others.join(" and ")} hold ${held}, and ${have}`, { hint }),
    ];
  });
}

/** Whether the workers or the server of a kind keep their GPUs while another kind needs some. */
function staysBeside(settings: GpuSettings, loaded: WorkloadKind, kind: WorkloadKind): boolean {
  const program = settings[loaded]!;
  const yieldsTo = "yieldTo" in program ? program.yieldTo : undefined;
  return gpusLoaded(settings, loaded) > 0 && yieldsTo !== kind;
}
