/**
 * Numbers that may differ for each kind of workload: `2`, `inference=2,training=1`, or a mapping.
 *
 * @module
 */
import { WORKLOAD_KINDS, type WorkloadKind } from "../protocol/kinds.ts";
import { type Parsed, refuse, type ValueType } from "./values.ts";

/** A number for some kinds of workload. */
export type SomeKinds = Readonly<Partial<Record<WorkloadKind, number>>>;

/** A number for every kind of workload. */
export type EveryKind = Readonly<Record<WorkloadKind, number>>;

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
  return {
    parse(value) {
      const mapping = mappingIn(value);
      if (mapping) return parseMapping(item, mapping);
      const all = item.parse(value);
      return "problem" in all ? all : { value: sameForAll(all.value) };
    },
    format(numbers) {
      const values = Object.values(numbers);
      if (values.length === 0) return "none";
      const same = values.every((value) => value === values[0]);
      if (same && values.length === WORKLOAD_KINDS.length) return String(values[0]);
      return Object.entries(numbers).map(([kind, number]) => `${kind}=${number}`).join(",");
    },
  };
}

/** `number` for every kind. */
export function sameForAll(number: number): EveryKind {
  return { inference: number, training: number, simulate: number };
}

function parseMapping(
  item: ValueType<number>,
  mapping: ReadonlyArray<readonly [string, unknown]>,
): Parsed<SomeKinds> {
  const numbers: Partial<Record<WorkloadKind, number>> = {};
  for (const [name, value] of mapping) {
    const kind = WORKLOAD_KINDS.find((kind) => kind === name);
    if (!kind) return refuse(`given for ${WORKLOAD_KINDS.join(", ")}`, name);
    const parsed = item.parse(value);
    if ("problem" in parsed) return { problem: `for ${kind} ${parsed.problem}` };
    numbers[kind] = parsed.value;
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
