/**
 * From what was given to settings: precedence, checks, defaults.
 *
 * @module
 */
import { isAbsolute, join, relative, resolve as absolute } from "node:path";
import { ConfigError, quoted } from "../errors.ts";
import { homeFolder } from "./home.ts";
import type { Settings } from "./config.ts";
import type { CloudNodeConfig } from "./node_config.ts";
import type { Setting, SettingKey } from "./settings/setting.ts";
import { clusterProblems } from "./programs/cluster_problems.ts";
import { laneProblems, lanesOf, yieldProblems } from "./lanes.ts";
import { refuseUnknownSettings } from "./known_keys.ts";
import { poolProblems } from "./settings/pool_settings.ts";
import { SETTINGS } from "./settings/settings.ts";
import { configSource, type Source } from "./sources.ts";
import { path } from "./values/values.ts";
import type { YamlPath } from "./files/yaml_position.ts";

/** What paths in settings are relative to. */
interface Folders {
  /** The folder workloads run in: that of the config file, else the current one. Absolute. */
  readonly work: string;
  /** The user's own folder. A function, because finding it out takes a permission. */
  home(): string;
}

/** Settings, and where they came from. */
export interface Resolved {
  /** The settings. */
  readonly settings: Settings;
  /** Where each setting that has a value came from, or `default`. */
  readonly sources: ReadonlyMap<keyof Settings, string>;
  /** Where exactly a setting, or what `path` leads to in it, was given: with line and column. */
  place(key: SettingKey, path?: YamlPath): string;
}

/** Settings in which the default stands in for a wrong value, and what is wrong. */
interface Examined extends Resolved {
  /** One for each wrong value. */
  readonly problems: readonly ConfigError[];
}

/**
 * The settings that `sources` give, the first of which wins.
 *
 * @throws {ConfigError} naming every invalid value
 */
export function resolveSettings(sources: readonly Source[], folders: Folders): Resolved {
  return withoutProblems(examineSources(sources, folders));
}

/** The settings that `sources` give, and what is wrong with them. */
export function examineSources(sources: readonly Source[], folders: Folders): Examined {
  const values: Partial<Record<SettingKey, unknown>> = {};
  const origins = new Map<keyof Settings, string>();
  const problems: ConfigError[] = [];
  const places = new Map<SettingKey, (path: YamlPath) => string>();
  for (const setting of SETTINGS) {
    const found = lookUp(setting, sources);
    if (found.place !== undefined) places.set(setting.key, found.place);
    if ("problem" in found) {
      problems.push(new ConfigError(found.problem));
      values[setting.key] = setting.default;
      origins.set(setting.key, found.from);
    } else {
      values[setting.key] = found.value;
      if (found.value !== undefined) origins.set(setting.key, found.from);
    }
  }
  for (const key of ["mqttUseTls", "stateFolder"] as const) {
    if (!origins.has(key)) origins.set(key, "default");
  }
  // The table's types say that each value has the type its field has.
  const settings = complete(values as Settings, sources, folders);
  problems.push(
    ...laneProblems(settings, sources),
    ...yieldProblems(settings),
    ...poolProblems(settings),
    ...clusterProblems(settings),
  );
  const place: Resolved["place"] = (key, path = []) =>
    places.get(key)?.(path) ?? origins.get(key) ?? "default";
  const danger = removalProblem(settings, place("resultsFolder"));
  if (danger !== undefined) problems.push(danger);
  return { settings, sources: origins, place, problems };
}

/** What was examined, when nothing is wrong; throws one error for all that is. */
export function withoutProblems<T>(
  { problems, ...rest }: T & { readonly problems: readonly ConfigError[] },
): Omit<T, "problems"> {
  const [first] = problems;
  if (first === undefined) return rest as Omit<T, "problems">;
  if (problems.length === 1) throw first;
  const messages = problems.map(({ message }) => message);
  throw new ConfigError(`${problems.length} settings are wrong:\n${messages.join("\n")}`);
}

/**
 * The settings of a program that gives its configuration itself. Reads no files and no variables.
 *
 * @throws {ConfigError} naming every invalid value
 */
export function resolveGiven(config: CloudNodeConfig): Resolved {
  refuseUnknownSettings(config);
  const folders = { work: workFolderOf(config, "."), home: () => homeFolder({}) };
  return resolveSettings([configSource(config)], folders);
}

/** The same without where they came from. */
export function resolveConfig(config: CloudNodeConfig): Settings {
  return resolveGiven(config).settings;
}

/** The folder that a program's configuration names for workloads, else `otherwise`. Absolute. */
export function workFolderOf({ workFolder }: CloudNodeConfig, otherwise: string): string {
  const parsed = path.parse(workFolder ?? otherwise);
  if ("value" in parsed) return absolute(parsed.value);
  throw new ConfigError(`workFolder ${parsed.problem} (from the config given)`);
}

/** The state folder, which is needed before the rest. A wrong one is reported with the rest. */
export function stateFolderOf(sources: readonly Source[], folders: Folders): string {
  const found = lookUp(SETTINGS.find(({ key }) => key === "stateFolder")!, sources);
  return stateFolder("value" in found ? found.value as string | undefined : undefined, folders);
}

type Found = ({ readonly value: unknown } | { readonly problem: string }) & {
  readonly from: string;
  readonly place?: (path: YamlPath) => string;
};

function lookUp(setting: Setting, sources: readonly Source[]): Found {
  for (const source of sources) {
    const given = source(setting);
    if (!given) continue;
    const { value, name, from, place } = given;
    const parsed = setting.type.parse(value);
    if (!("problem" in parsed)) return { value: parsed.value, from, place };
    const where = place?.(parsed.path ?? []) ?? from;
    return { problem: `${name} ${parsed.problem} (from ${where})`, from, place };
  }
  return { value: setting.default, from: "default" };
}

/** Fills in the defaults that depend on something, and makes paths absolute. */
function complete(values: Settings, sources: readonly Source[], folders: Folders): Settings {
  const { mqttUseTls, mqttPort, mqttTlsCaCerts, resultsFolder, envFile } = values;
  return {
    ...values,
    ...lanesOf(values, sources),
    workFolder: folders.work,
    stateFolder: stateFolder(values.stateFolder, folders),
    mqttUseTls: mqttUseTls ?? mqttPort === 8883,
    mqttTlsCaCerts: mqttTlsCaCerts && absolutePath(mqttTlsCaCerts, folders),
    resultsFolder: absolutePath(resultsFolder, folders),
    envFile: envFile.map((file) => ({ ...file, path: absolutePath(file.path, folders) })),
  };
}

/** Results are removed once they are uploaded: the user's own files must not be among them. */
function removalProblem(settings: Settings, source: string): ConfigError | undefined {
  const { uploadResults, resultsFolder, workFolder, stateFolder } = settings;
  const precious = [workFolder, stateFolder].find((folder) => holds(resultsFolder, folder));
  if (!uploadResults || precious === undefined) return undefined;
  return new ConfigError(
    `results_folder must not hold ${quoted(precious)}, got ${quoted(resultsFolder)} ` +
      `(from ${source})`,
    { hint: "Files in it are removed once they are uploaded: name a folder for results alone" },
  );
}

/** Whether `path` is `folder` or below it. */
function holds(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return !isAbsolute(way) && !/^\.\.(?=[/\\]|$)/.test(way);
}

function stateFolder(given: string | undefined, folders: Folders): string {
  return absolutePath(given ?? join("~", ".cyberwave"), folders);
}

/** `~` is expanded here, because only a shell would do it otherwise. */
function absolutePath(path: string, { work, home }: Folders): string {
  return /^~(?=[/\\]|$)/.test(path) ? join(home(), path.slice(1)) : absolute(work, path);
}
