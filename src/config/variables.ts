/**
 * Variables that a configuration gives workloads.
 *
 * @module
 */
import { interpolate } from "./files/interpolate.ts";
import { isMapping } from "./sources.ts";
import { type Parsed, type Problem, refuse, type ValueType } from "./values/value_type.ts";

/** The variables in which workloads find their own token or the node's, and nothing else. */
export const TOKEN_VARIABLES: readonly string[] = [
  "CYBERWAVE_API_KEY",
  "CYBERWAVE_API_TOKEN",
  "CYBERWAVE_MQTT_PASSWORD",
];

/** The variables with the credentials of a workload for the platform and the broker. */
export function credentials(token: string, mqttPassword: string = token): Record<string, string> {
  return {
    CYBERWAVE_API_KEY: token,
    CYBERWAVE_API_TOKEN: token,
    CYBERWAVE_MQTT_PASSWORD: mqttPassword,
  };
}

/** Variables by name. `null`: as the node's environment has it, or not at all. */
export type Variables = Readonly<Record<string, string | null>>;

/**
 * Values by the names of variables, as compose takes them: a mapping, or a list of `NAME=value`. A name
 * without a value stands for the node's own variable. Numbers and booleans count as texts.
 */
export const variables: ValueType<Variables> = {
  parse(value) {
    if (value === "") return { value: {} };
    const entries = Array.isArray(value) ? listed(value) : isMapping(value) && mapped(value);
    if (entries === false) {
      return refuse("a mapping of variables to values, or a list of NAME=value", value);
    }
    const result: Record<string, string | null> = {};
    for (const { name, given, key } of entries) {
      const parsed = parseVariable(name, given);
      if ("problem" in parsed) return { ...parsed, path: [key] };
      result[name as string] = parsed.value;
    }
    return { value: result };
  },
  // The values may be secrets.
  format: (value) => Object.keys(value).join(", "),
};

interface Entry {
  readonly name: unknown;
  readonly given: unknown;
  readonly key: string | number;
}

function mapped(mapping: Readonly<Record<string, unknown>>): Entry[] {
  return Object.entries(mapping).map(([name, given]) => ({ name, given, key: name }));
}

function listed(items: readonly unknown[]): Entry[] {
  return items.map((item, key) => {
    if (typeof item !== "string") return { name: item, given: null, key };
    const at = item.indexOf("=");
    return at === -1
      ? { name: item, given: null, key }
      : { name: item.slice(0, at), given: item.slice(at + 1), key };
  });
}

function parseVariable(name: unknown, value: unknown): Parsed<string | null> {
  const problem = nameProblem(name);
  if (problem !== undefined) return problem;
  if (value === null || value === undefined) return { value: null };
  if (!["string", "number", "boolean"].includes(typeof value)) {
    return { problem: `must give ${name} a text (put it in quotes)` };
  }
  const text = String(value);
  if (text.includes("\0")) return { problem: `for ${name} must not hold NUL` };
  const { problem: syntax } = interpolate(text, () => "set");
  return syntax === undefined ? { value: text } : { problem: `for ${name} ${syntax}` };
}

/** What is wrong with the name of a variable. What may be a value is not repeated. */
export function nameProblem(name: unknown): Problem | undefined {
  if (typeof name === "string" && /^[A-Za-z_]\w*$/.test(name)) return undefined;
  return refuse("given for names of variables (letters, digits and _)", name);
}

/** `given` with its variables expanded. */
interface Expanded {
  /** The variables. `undefined`: one that is to be left out. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** The names that have no value. */
  readonly unset: readonly string[];
  /** What is wrong with some, by their names. */
  readonly problems: ReadonlyMap<string, string>;
}

/** Puts what `env` has into the values of `given`. */
export function expandAll(given: Variables, env: Readonly<Record<string, string>>): Expanded {
  const unset = new Set<string>();
  const problems = new Map<string, string>();
  const lookUp = (name: string) => Object.hasOwn(env, name) ? env[name] : undefined;
  const entries = Object.entries(given).map(([name, text]) => {
    if (text === null) return [name, lookUp(name)] as const;
    const { value, problem, ...more } = interpolate(text, lookUp);
    for (const missing of more.unset) unset.add(missing);
    if (problem !== undefined) problems.set(name, problem);
    return [name, value] as const;
  });
  return { variables: Object.fromEntries(entries), unset: [...unset], problems };
}

/** Whether the value of a variable with this name is masked in logs. */
export function isSecretName(name: string): boolean {
  return /(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)(_|$)|(^|_)(API)?KEY$/i
    .test(name);
}
