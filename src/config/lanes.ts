/**
 * How many commands of a kind run at once: as its worker or server says, as `concurrency` says, or
 * as many as there are GPUs for.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";
import { WORKLOAD_KINDS, type WorkloadKind } from "../protocol/kinds.ts";
import type { Settings } from "./config.ts";
import { gpuCount, gpuProblems, gpusOfCommand, workloadsOn } from "./settings/gpu_settings.ts";
import { someOf } from "./values/named_values.ts";
import { placesOf } from "./programs/workload_program.ts";
import { SETTINGS } from "./settings/settings.ts";
import type { Source } from "./sources.ts";
import { positiveCount } from "./values/values.ts";

/** What lanes depend on. */
type LaneSettings = Pick<Settings, WorkloadKind | "concurrency" | "gpus" | "gpusPer">;

/**
 * How many commands of each kind run at once: as many as its program has places for, else as many as
 * `sources` say, else as many as there are GPUs for.
 */
export function lanesOf(
  settings: LaneSettings,
  sources: readonly Source[],
): Pick<Settings, "concurrency" | "gpuLanes"> {
  const lanes = { ...settings.concurrency };
  for (const kind of WORKLOAD_KINDS) lanes[kind] = placesIn(settings, kind) ?? lanes[kind];
  const named = namedIn(sources)?.lanes ?? {};
  const gpuLanes = WORKLOAD_KINDS.filter((kind) =>
    settings.gpus !== undefined && gpusOfCommand(settings, kind) > 0 && named[kind] === undefined
  );
  const count = gpuCount(settings.gpus);
  const laned = { ...settings, concurrency: lanes, gpuLanes };
  return { gpuLanes, concurrency: count === undefined ? lanes : lanesOnGpus(laned, count) };
}

/** The same once the number of GPUs is known. */
export function lanesOnGpus(
  settings: Pick<Settings, "concurrency" | "gpuLanes" | "gpusPer">,
  count: number,
): Settings["concurrency"] {
  const lanes = { ...settings.concurrency };
  for (const kind of settings.gpuLanes) lanes[kind] = workloadsOn(count, settings.gpusPer[kind]);
  return lanes;
}

/** What is wrong where `concurrency` contradicts a program, or a command can never get its GPUs. */
export function laneProblems(settings: LaneSettings, sources: readonly Source[]): ConfigError[] {
  const count = gpuCount(settings.gpus);
  const onGpus = count === undefined ? [] : gpuProblems(settings, count);
  const given = namedIn(sources);
  if (given === undefined) return onGpus;
  return WORKLOAD_KINDS.flatMap((kind) => {
    const [places, named] = [placesIn(settings, kind), given.lanes[kind]];
    if (places === undefined || named === undefined || places === named) return [];
    return [
      new ConfigError(
        `${given.name} gives ${kind} ${named}, but what runs it takes ${places} at once ` +
          `(from ${given.from})`,
        { hint: `Leave ${kind} out there: its own workers and concurrency decide that` },
      ),
    ];
  }).concat(onGpus);
}

/** What `concurrency` says, if it is given. */
function namedIn(sources: readonly Source[]):
  | {
    readonly name: string;
    readonly from: string;
    readonly lanes: Readonly<Partial<Record<WorkloadKind, number>>>;
  }
  | undefined {
  const setting = SETTINGS.find(({ key }) => key === "concurrency")!;
  for (const source of sources) {
    const given = source(setting);
    if (given === undefined) continue;
    const parsed = someOf(WORKLOAD_KINDS, positiveCount).parse(given.value);
    return "problem" in parsed ? undefined : { ...given, lanes: parsed.value };
  }
  return undefined;
}

/** What is wrong where a program should yield to itself. */
export function yieldProblems(settings: LaneSettings): ConfigError[] {
  return WORKLOAD_KINDS.flatMap((kind) => {
    const program = settings[kind];
    if (program === undefined || !("yieldTo" in program) || program.yieldTo !== kind) return [];
    return [
      new ConfigError(`${kind} has yield_to: ${kind}, but cannot make room for itself`, {
        hint: "Give yield_to to what shares the GPU with it",
      }),
    ];
  });
}

function placesIn(settings: LaneSettings, kind: WorkloadKind): number | undefined {
  const program = settings[kind];
  return program && placesOf(program);
}
