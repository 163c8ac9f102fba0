/**
 * Variables that a configuration gives workloads.
 *
 * @module
 */
import { expandVariables } from "./dotenv.ts";
import { isMapping } from "./sources.ts";
import { type Parsed, refuse, type ValueType } from "./values.ts";

/** The variables in which workloads find their own token or the node's, and nothing else. */
export const TOKEN_VARIABLES: readonly string[] = [
  "CYBERWAVE_API_KEY",
  "CYBERWAVE_API_TOKEN",
  "CYBERWAVE_MQTT_PASSWORD",
];

/** Values by the names of variables. Numbers and booleans count as they are written. */
export const variables: ValueType<Readonly<Record<string, string>>> = {
  parse(value) {
    if (value === "") return { value: {} };
    if (!isMapping(value)) return refuse("a mapping of variables to values", value);
    const result: Record<string, string> = {};
    for (const [name, given] of Object.entries(value)) {
      const parsed = parseVariable(name, given);
      if ("problem" in parsed) return parsed;
      result[name] = parsed.value;
    }
    return { value: result };
  },
  // The values may be secrets.
  format: (value) => Object.keys(value).join(", "),
};

function parseVariable(name: string, value: unknown): Parsed<string> {
  if (!/^[A-Za-z_]\w*$/.test(name)) return refuse("given for names of variables", name);
  if (TOKEN_VARIABLES.includes(name)) {
    return { problem: `must not set ${name}: workloads get a token unless pass_token is false` };
  }
  if (!["string", "number", "boolean"].includes(typeof value)) {
    return { problem: `must give ${name} a text (put it in quotes)` };
  }
  const text = String(value);
  return text.includes("\0") ? { problem: `for ${name} must not hold NUL` } : { value: text };
}

/** `given` with its `${NAME}` and `${NAME:-default}` expanded, and the names that have no value. */
export function expandAll(
  given: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
): { readonly variables: Record<string, string>; readonly unset: readonly string[] } {
  const unset = new Set<string>();
  const lookUp = (name: string) => Object.hasOwn(env, name) ? env[name] : undefined;
  const variables = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, expandVariables(value, lookUp, unset)]),
  );
  return { variables, unset: [...unset] };
}
