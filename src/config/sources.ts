/**
 * The places a setting can be given. A source looks one setting up in one of them; within it the
 * first of the setting's names wins.
 *
 * @module
 */
import type { CloudNodeConfig } from "./node_config.ts";
import type { Setting } from "./settings/setting.ts";
import type { YamlPath } from "./files/yaml_position.ts";

/** A value given for a setting, not yet checked. */
interface Given {
  /** What they gave. */
  readonly value: unknown;
  /** The setting's name as they know it. */
  readonly name: string;
  /** Where they gave it: `cyberwave.yml`. */
  readonly from: string;
  /** Where exactly: `cyberwave.yml, line 3, column 5`. `path` leads from the value to a part of it. */
  place?(path: YamlPath): string;
}

/** Looks a setting up in one place. */
export type Source = (setting: Setting) => Given | undefined;

/** The command line. `flags` holds the values by the names of the flags, without dashes. */
export function flagSource(flags: Readonly<Record<string, unknown>>): Source {
  return ({ name, flag }) =>
    flag && flags[flag.name] !== undefined
      ? { value: flags[flag.name], name, from: `--${flag.name}` }
      : undefined;
}

/** Variables. An empty one counts as not set. */
export function variableSource(
  variables: Readonly<Record<string, unknown>>,
  from: (variable: string) => string,
): Source {
  return ({ name, env }) => {
    const variable = env.find((variable) => isSet(variables, variable));
    if (variable === undefined) return undefined;
    return { value: variables[variable], name, from: from(variable) };
  };
}

/** The settings in `file`. `place` names the position of what `path` leads to from `mapping`. */
export function yamlSource(
  mapping: Readonly<Record<string, unknown>>,
  file: string,
  place: (path: YamlPath) => string = () => file,
): Source {
  return ({ yaml }) => {
    const key = yaml.find((key) => (mapping[key] ?? undefined) !== undefined);
    if (key === undefined) return undefined;
    const value = mapping[key];
    return { value, name: key, from: file, place: (path) => place([key, ...path]) };
  };
}

/** A credentials.json, as logging in writes it. */
export function credentialsSource(
  credentials: Readonly<Record<string, unknown>>,
  file: string,
): Source {
  const { envs } = credentials;
  const variables = { ...credentials, ...(isMapping(envs) ? withoutEmpty(envs) : {}) };
  const fromVariables = variableSource(variables, (variable) => `${variable} in ${file}`);
  return (setting) => {
    const { name, credentials: key } = setting;
    return key && isSet(credentials, key)
      ? { value: credentials[key], name, from: file }
      : fromVariables(setting);
  };
}

/** What a program gives. */
export function configSource(config: CloudNodeConfig): Source {
  return ({ key, type }) => {
    const given = config[key] ?? undefined;
    if (given === undefined) return undefined;
    const value = type.keys !== undefined && isMapping(given) ? withSnakeCase(given) : given;
    return { value, name: key, from: "the config given" };
  };
}

/** A mapping as it would stand in a file. */
function withSnakeCase(mapping: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(mapping).map(([key, value]) => [inSnakeCase(key), value]),
  );
}

/** `someName` as `some_name`. */
export function inSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `some_name` as `someName`. */
export function inCamelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Whether `value` is a mapping of names to values. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

function isSet(values: Readonly<Record<string, unknown>>, name: string): boolean {
  return (values[name] ?? "") !== "";
}

function withoutEmpty(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => isSet(values, name)));
}
