/**
 * How many commands of a kind run at once, where what runs them says so itself.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";
import { WORKLOAD_KINDS, type WorkloadKind } from "../protocol/kinds.ts";
import type { Settings } from "./config.ts";
import { someOf } from "./named_values.ts";
import { placesOf } from "./workload_program.ts";
import { SETTINGS } from "./settings.ts";
import type { Source } from "./sources.ts";
import { positiveCount } from "./values.ts";

/** What lanes depend on. */
type LaneSettings = Pick<Settings, WorkloadKind | "concurrency">;

/** How many commands of each kind run at once: as many as its program has places for. */
export function lanesOf(settings: LaneSettings): Settings["concurrency"] {
  const lanes = { ...settings.concurrency };
  for (const kind of WORKLOAD_KINDS) lanes[kind] = placesIn(settings, kind) ?? lanes[kind];
  return lanes;
}

/** Where `concurrency` says something else than a program does. */
export function laneProblems(settings: LaneSettings, sources: readonly Source[]): ConfigError[] {
  const setting = SETTINGS.find(({ key }) => key === "concurrency")!;
  for (const source of sources) {
    const given = source(setting);
    if (given === undefined) continue;
    const parsed = someOf(WORKLOAD_KINDS, positiveCount).parse(given.value);
    if ("problem" in parsed) return [];
    return WORKLOAD_KINDS.flatMap((kind) => {
      const [places, named] = [placesIn(settings, kind), parsed.value[kind]];
      if (places === undefined || named === undefined || places === named) return [];
      return [
        new ConfigError(
          `${given.name} gives ${kind} ${named}, but what runs it takes ${places} at once ` +
            `(from ${given.from})`,
          { hint: `Leave ${kind} out there: its own workers and concurrency say it` },
        ),
      ];
    });
  }
  return [];
}

/** Where what runs a kind of command is to make room for itself. */
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
