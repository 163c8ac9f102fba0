/**
 * The settings in a cyberwave.yml, and warnings about what looks like a mistake.
 *
 * @module
 */
import { ConfigError, quoted } from "../../errors.ts";
import { isMarkdown } from "./front_matter.ts";
import { nearest } from "../values/nearest.ts";
import type { Setting } from "../settings/setting.ts";
import { SETTINGS } from "../settings/settings.ts";
import type { YamlDocument } from "./files.ts";
import { isMapping } from "../sources.ts";
import { withNumbersAsWritten } from "./yaml.ts";
import { type YamlPath, yamlPosition } from "./yaml_position.ts";

/** What a config file says. */
export interface ConfigFile {
  /** Its settings, not yet checked. */
  readonly mapping: Readonly<Record<string, unknown>>;
  /** Warnings for its author. */
  readonly warnings: readonly string[];
  /** Where the value at `path` of its settings stands: `cyberwave.yml, line 3, column 5`. */
  place(path: YamlPath): string;
}

/** The keys under which settings stand in a file that is shared. */
export const WRAPPERS: readonly string[] = ["cyberwave-cloud-node", "cyberwave"];

const KEYS = SETTINGS.flatMap(({ yaml }) => yaml);

/** Keys for other programs of the platform, which a node ignores. */
const MANIFEST_KEYS: readonly string[] = [
  ...["config", "gpu", "input", "model", "models", "name", "provider", "requirements", "resources"],
  ...["runtime", "server_port", "version", "workers"],
];

/**
 * Finds the settings in the root of `file`: under a wrapper, or at the top level when there is none.
 *
 * Under a wrapper every key is ours, so each unknown one is worth a warning. Outside of it every
 * key is somebody else's, unless it is the name of a setting. A file without a wrapper is shared:
 * there, an unknown mapping or list is taken for another program's section unless it is nearly
 * called like a setting.
 *
 * @throws {ConfigError} when the root or the wrapper is not a mapping
 */
export function readConfigFile({ root, text }: YamlDocument, file: string): ConfigFile {
  const placeOf = (path: YamlPath, of?: "key") =>
    [file, yamlPosition(text, path, of) ?? []].flat().join(", ");
  const empty = { mapping: {}, place: () => file };
  if (root === null) return { ...empty, warnings: [`${file} holds no settings`] };
  const top = asMapping(root, file);
  const wrapper = WRAPPERS.find((name) => Object.hasOwn(top, name));
  if (wrapper === undefined) {
    const meant = [...KEYS, ...WRAPPERS];
    const others = Object.keys(top).filter((key) =>
      typeof top[key] === "object" && nearest(key, meant) === undefined
    );
    const place = (...path: string[]) => placeOf(path, "key");
    const mapping = withVariables(top, text, []);
    return { mapping, warnings: unknownKeys(top, others, meant, place), place: placeOf };
  }
  const given = asMapping(top[wrapper] ?? {}, `${wrapper} in ${file}`);
  const mapping = withVariables(given, text, [wrapper]);
  // In front matter the same words mean something to others: Hugging Face has inference: false.
  const outside = Object.keys(top)
    .filter((key) => KEYS.includes(key) && !isMarkdown(file))
    .map((key) =>
      `Ignored ${quoted(key)} in ${placeOf([key], "key")}: it stands outside of ${wrapper}`
    );
  const place = (...path: string[]) => placeOf([wrapper, ...path], "key");
  return {
    mapping,
    warnings: [...unknownKeys(mapping, [], KEYS, place), ...outside],
    place: (path) => placeOf([wrapper, ...path]),
  };
}

/** Variables are texts: they hold numbers as they are written. */
function withVariables(
  mapping: Record<string, unknown>,
  text: string,
  path: YamlPath,
): Record<string, unknown> {
  const { env } = mapping;
  if (!isMapping(env)) return mapping;
  return { ...mapping, env: withNumbersAsWritten(env, text, [...path, "env"]) };
}

function asMapping(value: unknown, what: string): Record<string, unknown> {
  if (isMapping(value)) return value;
  const got = Array.isArray(value) ? "a list" : "a single value";
  throw new ConfigError(`${what} must be a mapping of settings to values, got ${got}`, {
    hint: "Write one setting a line, such as inference: python predict.py {body}",
  });
}

function unknownKeys(
  mapping: Record<string, unknown>,
  ignored: readonly string[],
  meant: readonly string[],
  place: (...path: string[]) => string,
): string[] {
  const unknown = Object.keys(mapping)
    .filter((key) => ![...KEYS, ...MANIFEST_KEYS, ...ignored].includes(key))
    .map((key) => unknownKey(key, meant, place(key)));
  return [...unknown, ...unknownInside(mapping, place)];
}

/** What settings that are mappings themselves hold and do not have. */
function unknownInside(
  mapping: Record<string, unknown>,
  place: (...path: string[]) => string,
): string[] {
  return SETTINGS.flatMap(({ yaml, type: { keys } }) => {
    const name = yaml.find((name) => isMapping(mapping[name]));
    if (keys === undefined || name === undefined) return [];
    return Object.keys(mapping[name] as Record<string, unknown>)
      .filter((key) => !keys.includes(key))
      .map((key) => noSuchKey(`${name}: ${key}`, nearest(key, keys), place(name, key)));
  });
}

function unknownKey(key: string, meant: readonly string[], place: string): string {
  const elsewhere = SETTINGS.find((setting) => isMeantBy(setting, key));
  if (elsewhere) return `Ignored ${quoted(key)} in ${place}: set ${elsewhere.env[0]} instead`;
  return noSuchKey(key, nearest(key, meant), place);
}

function noSuchKey(key: string, near: string | undefined, place: string): string {
  const question = near === undefined ? "" : `, did you mean ${near}?`;
  return `Ignored ${quoted(key)} in ${place}: there is no such setting${question}`;
}

/** Whether `key` names a setting that cannot be given in a file, such as the token. */
function isMeantBy({ name, env, yaml }: Setting, key: string): boolean {
  const names = [name, ...env.map((variable) => variable.replace("CYBERWAVE_", "").toLowerCase())];
  return yaml.length === 0 && names.includes(key);
}
