/**
 * Numbers that may differ by name, such as for each kind of workload: `2`,
 * `inference=2,training=1`, or a mapping.
 *
 * @module
 */
import { type Parsed, refuse, type ValueType } from "./values.ts";

/** A number for some of the names. */
type SomeOf<Name extends string> = Readonly<Partial<Record<Name, number>>>;

/** A number for each of the names. */
type EachOf<Name extends string> = Readonly<Record<Name, number>>;

/** A number for each name: that of `missing` for those not given. */
export function eachOf<Name extends string>(
  item: ValueType<number>,
  missing: EachOf<Name>,
): ValueType<EachOf<Name>> {
  const some = someOf(Object.keys(missing) as Name[], item);
  return {
    ...some,
    parse(value) {
      const parsed = some.parse(value);
      return "problem" in parsed ? parsed : { value: { ...missing, ...parsed.value } };
    },
  };
}

/** A number for the names given, or one number for all. */
export function someOf<Name extends string>(
  names: readonly Name[],
  item: ValueType<number>,
): ValueType<SomeOf<Name>> {
  return {
    parse(value) {
      const mapping = mappingIn(value);
      if (mapping) return parseMapping(names, item, mapping);
      const all = item.parse(value);
      return "problem" in all ? all : { value: sameForAll(names, all.value) };
    },
    format(numbers) {
      const entries = Object.entries<number | undefined>(numbers);
      if (entries.length === 0) return "none";
      const same = entries.every(([, number]) => number === entries[0]![1]);
      if (same && entries.length === names.length) return String(entries[0]![1]);
      return entries.map(([name, number]) => `${name}=${number}`).join(",");
    },
  };
}

/** `number` for each of `names`. */
export function sameForAll<Name extends string>(
  names: readonly Name[],
  number: number,
): EachOf<Name> {
  return Object.fromEntries(names.map((name) => [name, number])) as Record<Name, number>;
}

function parseMapping<Name extends string>(
  names: readonly Name[],
  item: ValueType<number>,
  mapping: ReadonlyArray<readonly [string, unknown]>,
): Parsed<SomeOf<Name>> {
  const numbers: Partial<Record<Name, number>> = {};
  for (const [given, value] of mapping) {
    const name = names.find((name) => name === given);
    if (!name) return refuse(`given for ${names.join(", ")}`, given);
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
