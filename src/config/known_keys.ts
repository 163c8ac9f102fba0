/**
 * Refuses unknown names in what a program passes. Types alone do not prevent them: the program may
 * be JavaScript, or have a cast.
 *
 * @module
 */
import { ConfigError, quoted } from "../errors.ts";
import type { CloudNodeConfig } from "./node_config.ts";
import { nearest } from "./values/nearest.ts";
import { SETTINGS } from "./settings/settings.ts";
import { inCamelCase, isMapping } from "./sources.ts";

/**
 * Checks the keys of a configuration. For a key of `cyberwave.yml` the error names the key to use:
 * `mqttPort` for `mqtt_port`.
 *
 * @throws {ConfigError} naming every unknown key, and the nearest known one
 */
export function refuseUnknownSettings(config: CloudNodeConfig): void {
  const known = [...SETTINGS.map(({ key }) => key), "workFolder"];
  refuseUnknownKeys(
    config,
    known,
    "setting",
    (key) => SETTINGS.find(({ yaml }) => yaml.includes(key))?.key,
  );
  for (const { key, type: { keys } } of SETTINGS) {
    const value: unknown = config[key];
    if (keys === undefined || !isMapping(value)) continue;
    const names = keys.map(inCamelCase);
    refuseUnknownKeys(withCamelCase(value), names, `key of ${key}`);
  }
}

/**
 * Checks the keys of a program's options, and that its configuration is an object. A setting that
 * stands beside the configuration is answered with its place in it.
 *
 * @throws {ConfigError} naming every unknown key, and the nearest known one
 */
export function refuseUnknownOptions(
  options: { readonly config?: CloudNodeConfig },
  known: readonly string[],
): void {
  refuseUnknownKeys(
    options,
    known,
    "option",
    (key) => SETTINGS.some((setting) => setting.key === key) ? `config.${key}` : undefined,
  );
  if (options.config !== undefined) requireObject(options.config, "config");
}

/**
 * Checks that `given` has no keys but `known` ones, as `unknownKeys` finds them.
 *
 * @throws {ConfigError} naming every unknown key, and the nearest known one
 */
export function refuseUnknownKeys(
  given: object,
  known: readonly string[],
  what: string,
  meant?: (key: string) => string | undefined,
): void {
  requireObject(given, `${what}s`);
  const problems = unknownKeys(given, known, what, meant);
  if (problems.length === 0) return;
  throw new ConfigError(problems.join("\n"), {
    hint: `There are: ${[...known].sort().join(", ")}`,
  });
}

/**
 * One sentence for each key of `given` that is not `known`. `what` names one of them, and `meant` may
 * know an unknown one by another name. A key without a value counts as not given.
 */
export function unknownKeys(
  given: object,
  known: readonly string[],
  what: string,
  meant: (key: string) => string | undefined = () => undefined,
): string[] {
  const unknown = Object.entries(given).filter(([key, value]) =>
    value !== undefined && !known.includes(key)
  );
  return unknown.map(([key]) => {
    const guess = meant(key) ?? nearest(key, known);
    return `There is no ${what} ${quoted(key)}` +
      (guess === undefined ? "" : `, did you mean ${quoted(guess)}?`);
  });
}

function requireObject(given: unknown, what: string): void {
  if (isMapping(given)) return;
  throw new ConfigError(`${what} must be an object, got ${quoted(given ?? null)}`);
}

function withCamelCase(mapping: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(mapping).map(([key, value]) => [inCamelCase(key), value]),
  );
}
