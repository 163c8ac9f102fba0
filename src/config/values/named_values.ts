/**
 * Values that may differ by name, such as for each kind of workload: `2`,
 * `inference=2,training=1`, or a mapping.
 *
 * @module
 */
import { type Parsed, refuse, type ValueType } from "./values.ts";

/** A value for some of the names. */
type SomeOf<Name extends string, T> = Readonly<Partial<Record<Name, T>>>;

/** A value for each of the names. */
type EachOf<Name extends string, T> = Readonly<Record<Name, T>>;

/** A value for each name: that of `missing` for those not given. */
export function eachOf<Name extends string, T>(
  item: ValueType<T>,
  missing: EachOf<Name, T>,
): ValueType<EachOf<Name, T>> {
  const some = someOf(Object.keys(missing) as Name[], item);
  return {
    ...some,
    parse(value) {
      const parsed = some.parse(value);
      return "problem" in parsed ? parsed : { value: { ...missing, ...parsed.value } };
    },
  };
}

/** A value for the names given, or one for all. */
export function someOf<Name extends string, T>(
  names: readonly Name[],
  item: ValueType<T>,
): ValueType<SomeOf<Name, T>> {
  return {
    parse(value) {
      const mapping = mappingIn(value);
      if (mapping) return parseMapping(names, item, mapping);
      const all = item.parse(value);
      return "problem" in all ? all : { value: sameForAll(names, all.value) };
    },
    format(values) {
      const entries = Object.entries(values) as [string, T][];
      if (entries.length === 0) return "none";
      const same = entries.every(([, value]) => value === entries[0]![1]);
      if (same && entries.length === names.length) return item.format(entries[0]![1]);
      return entries.map(([name, value]) => `${name}=${item.format(value)}`).join(",");
    },
  };
}

/** `value` for each of `names`. */
export function sameForAll<Name extends string, T>(
  names: readonly Name[],
  value: T,
): EachOf<Name, T> {
  return Object.fromEntries(names.map((name) => [name, value])) as Record<Name, T>;
}

function parseMapping<Name extends string, T>(
  names: readonly Name[],
  item: ValueType<T>,
  mapping: ReadonlyArray<readonly [string, unknown]>,
): Parsed<SomeOf<Name, T>> {
  const values: Partial<Record<Name, T>> = {};
  for (const [given, value] of mapping) {
    const name = names.find((name) => name === given);
    if (!name) return { ...refuse(`given for ${names.join(", ")}`, given), path: [given] };
    const parsed = item.parse(value);
    if ("problem" in parsed) return { problem: `for ${name} ${parsed.problem}`, path: [name] };
    values[name] = parsed.value;
  }
  return { value: values };
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
  return Object.entries(value).filter(([, value]) => value !== undefined && value !== null);
}
