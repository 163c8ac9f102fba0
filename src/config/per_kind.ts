/**
 * Numbers that may differ for each kind of workload, or with how it ended: `2`,
 * `inference=2,training=1`, or a mapping.
 *
 * @module
 */
import { WORKLOAD_KINDS, type WorkloadKind } from "../protocol/kinds.ts";
import { type Parsed, refuse, type ValueType } from "./values.ts";

/** A number for some kinds of workload. */
export type SomeKinds = Readonly<Partial<Record<WorkloadKind, number>>>;

/** A number for every kind of workload. */
export type EveryKind = Readonly<Record<WorkloadKind, number>>;

/** A number for the workloads that succeeded and one for those that failed. */
export type EveryEnd = Readonly<Record<"succeeded" | "failed", number>>;

/** A number for every kind: `missing` for those not named. */
export function everyKind(item: ValueType<number>, missing: number): ValueType<EveryKind> {
  const some = someKinds(item);
  return {
    ...some,
    parse(value) {
      const parsed = some.parse(value);
      return "problem" in parsed ? parsed : { value: { ...sameForAll(missing), ...parsed.value } };
    },
  };
}

/** A number for the kinds named, or one number for all. */
export function someKinds(item: ValueType<number>): ValueType<SomeKinds> {
  return numbersFor(WORKLOAD_KINDS, item);
}

/** A number for the workloads that succeeded and one for those that failed: `missing` if not named. */
export function everyEnd(item: ValueType<number>, missing: EveryEnd): ValueType<EveryEnd> {
  const some = numbersFor(["succeeded", "failed"], item);
  return {
    ...some,
    parse(value) {
      const parsed = some.parse(value);
      return "problem" in parsed ? parsed : { value: { ...missing, ...parsed.value } };
    },
  };
}

/** A number for some of these names, or one number for all. */
function numbersFor<Name extends string>(
  names: readonly Name[],
  item: ValueType<number>,
): ValueType<Readonly<Partial<Record<Name, number>>>> {
  return {
    parse(value) {
      const mapping = mappingIn(value);
      if (mapping) return parseMapping(names, item, mapping);
      const all = item.parse(value);
      if ("problem" in all) return all;
      const numbers = Object.fromEntries(names.map((name) => [name, all.value]));
      return { value: numbers as Record<Name, number> };
    },
    format(numbers) {
      const entries = Object.entries(numbers);
      if (entries.length === 0) return "none";
      const same = entries.every(([, number]) => number === entries[0][1]);
      if (same && entries.length === names.length) return String(entries[0][1]);
      return entries.map(([name, number]) => `${name}=${number}`).join(",");
    },
  };
}

/** `number` for every kind. */
export function sameForAll(number: number): EveryKind {
  return { inference: number, training: number, simulate: number };
}

function parseMapping<Name extends string>(
  names: readonly Name[],
  item: ValueType<number>,
  mapping: ReadonlyArray<readonly [string, unknown]>,
): Parsed<Partial<Record<Name, number>>> {
  const numbers: Partial<Record<Name, number>> = {};
  for (const [key, value] of mapping) {
    const name = names.find((name) => name === key);
    if (!name) return refuse(`given for ${names.join(", ")}`, key);
    const parsed = item.parse(value);
    if ("problem" in parsed) return { problem: `for ${name} ${parsed.problem}` };
    numbers[name] = parsed.value;
  }
  return { value: numbers };
}

/** The names and values of a mapping, also when it is written `name=value,name=value`. */
function mappingIn(value: unknown): [string, unknown][] | undefined {
  if (typeof value === "string" && value.includes("=")) {
    return value.split(",").map((pair) => {
      const [name = "", ...rest] = pair.split("=");
      return [name.trim(), rest.join("=")];
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).filter(([, number]) => number !== undefined && number !== null);
}
