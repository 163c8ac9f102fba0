/**
 * The settings part of a cyberwave.yml, and what in it looks like a mistake.
 *
 * @module
 */
import { ConfigError, quoted } from "../errors.ts";
import { isMarkdown } from "./front_matter.ts";
import { nearest } from "./nearest.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./settings.ts";
import { isMapping } from "./sources.ts";

/** What a config file says. */
export interface ConfigFile {
  /** Its settings, not yet checked. */
  readonly mapping: Readonly<Record<string, unknown>>;
  /** What its author may want to know. */
  readonly warnings: readonly string[];
}

/** The keys under which settings stand in a file that is shared. */
export const WRAPPERS: readonly string[] = ["cyberwave-cloud-node", "cyberwave"];

const KEYS = SETTINGS.flatMap(({ yaml }) => yaml);

/** What manifests hold for other programs of the platform: nothing that a node uses. */
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
export function readConfigFile(root: unknown, file: string): ConfigFile {
  if (root === null) return { mapping: {}, warnings: [`${file} holds no settings`] };
  const top = asMapping(root, file);
  const wrapper = WRAPPERS.find((name) => Object.hasOwn(top, name));
  if (wrapper === undefined) {
    const others = Object.keys(top).filter((key) =>
      typeof top[key] === "object" && nearest(key, KEYS) === undefined
    );
    return { mapping: top, warnings: unknownKeys(top, others, file) };
  }
  const mapping = asMapping(top[wrapper] ?? {}, `${wrapper} in ${file}`);
  // In front matter the same words mean something to others: Hugging Face has inference: false.
  const outside = Object.keys(top)
    .filter((key) => KEYS.includes(key) && !isMarkdown(file))
    .map((key) => `Ignored ${quoted(key)} in ${file}: it stands outside of ${wrapper}`);
  return { mapping, warnings: [...unknownKeys(mapping, [], file), ...outside] };
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
  file: string,
): string[] {
  return Object.keys(mapping)
    .filter((key) => ![...KEYS, ...MANIFEST_KEYS, ...ignored].includes(key))
    .map((key) => unknownKey(key, file));
}

function unknownKey(key: string, file: string): string {
  const elsewhere = SETTINGS.find((setting) => isMeantBy(setting, key));
  if (elsewhere) return `Ignored ${quoted(key)} in ${file}: set ${elsewhere.env[0]} instead`;
  const near = nearest(key, KEYS);
  const question = near === undefined ? "" : `, did you mean ${near}?`;
  return `Ignored ${quoted(key)} in ${file}: there is no such setting${question}`;
}

/** Whether `key` names a setting that cannot stand in a file, such as the token. */
function isMeantBy({ name, env, yaml }: Setting, key: string): boolean {
  const names = [name, ...env.map((variable) => variable.replace("CYBERWAVE_", "").toLowerCase())];
  return yaml.length === 0 && names.includes(key);
}
