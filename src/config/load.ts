/**
 * Gathers settings from the command line, the environment and files.
 *
 * @module
 */
import { dirname, join, resolve as absolute } from "node:path";
import { ConfigError, quoted } from "../errors.ts";
import { type ConfigFile, readConfigFile, WRAPPERS } from "./files/config_file.ts";
import { placeReservation } from "./values/reservation.ts";
import { readPermission, requirePermissions } from "../permissions.ts";
import { frontMatterOf, README } from "./files/front_matter.ts";
import { homeFolder } from "./home.ts";
import { readCredentials, readDotenv, readYaml, type Warn } from "./files/files.ts";
import type { CloudNodeConfig } from "./node_config.ts";
import { refuseUnknownSettings } from "./known_keys.ts";
import {
  examineSources,
  type Resolved,
  stateFolderOf,
  withoutProblems,
  workFolderOf,
} from "./resolve.ts";
import {
  configSource,
  credentialsSource,
  flagSource,
  type Source,
  variableSource,
  yamlSource,
} from "./sources.ts";
import { exists, readTextFile } from "./files/text_file.ts";

/** A config file from elsewhere. */
export interface FetchedFile {
  /** Where it is from. */
  readonly url: string;
  /** What it says. */
  readonly text: string;
  /** A warning about how it was fetched. Default: none. */
  readonly warning?: string;
}

/** Where to look for settings. */
export interface LoadOptions {
  /** The config file, relative to `cwd`. Default: `cyberwave.yml`, which may be missing. */
  configPath?: string;
  /** A config file that was fetched, which stands for one in `cwd`. Default: none. */
  fetched?: FetchedFile;
  /** Values by the names of their flags, without dashes. Other names are ignored. */
  flags?: Readonly<Record<string, unknown>>;
  /** The configuration of a program, which wins over every other place. Default: none. */
  config?: CloudNodeConfig;
  /** The environment variables. */
  env: Readonly<Record<string, string>>;
  /** The current folder. Absolute. */
  cwd: string;
}

/** Settings, and where they came from. */
export interface LoadedSettings extends Resolved {
  /** Warnings for the operator. */
  readonly warnings: readonly string[];
  /** The variables of the `.env` file beside the config file, for workloads as well. */
  readonly dotenv: Readonly<Record<string, string>>;
  /** The config file that was read: its absolute path, or its URL. */
  readonly configFile: string | undefined;
}

/** Settings in which the default stands in for a wrong value, and what is wrong. */
interface ExaminedSettings extends LoadedSettings {
  /** One for each wrong value, after that of a config file that cannot be used. */
  readonly problems: readonly ConfigError[];
}

/**
 * Reads the settings, the first place that gives one winning: a program, flags, environment, `.env` beside the
 * config file, `.env` in the state folder, config file, credentials.json in the state folder.
 *
 * The state folder replaces `~/.cyberwave`, so the files in it cannot name another one.
 *
 * @throws {ConfigError} when a file or a value is not what it should be
 */
export async function loadSettings(options: LoadOptions): Promise<LoadedSettings> {
  return withoutProblems(await examineSettings(options));
}

/** Reads the settings as `loadSettings` does, and reports every problem instead of throwing. */
export async function examineSettings(options: LoadOptions): Promise<ExaminedSettings> {
  const { configPath, config: given = {}, env, cwd, fetched } = options;
  refuseUnknownSettings(given);
  const warnings = warningsOf(fetched);
  const warn = (message: string) => void warnings.push(message);
  const flags = placeReservation(options.flags ?? {}, warn);

  const readable = [
    readPermission(dirname(absolute(cwd, configPath ?? CONFIG_FILE)), CONFIG_FOLDER),
  ];
  requirePermissions(readable);
  const file = await configFileOf(options);
  const configFile = fetched === undefined ? absolute(cwd, file) : join(cwd, CONFIG_FILE);
  const config = await examineFile(configFile, file, configPath !== undefined, fetched?.text);
  warnings.push(...config.warnings);

  const folder = dirname(configFile);
  const folders = { work: workFolderOf(given, folder), home: () => homeFolder(env) };
  const dotenv = await readDotenv(join(folder, ".env"), env, warn);
  const near = [configSource(given), ...nearSources(flags, env, folder, dotenv)];
  const yaml = yamlSource(config.mapping, file, config.place);
  const state = stateFolderOf([...near, yaml], folders);
  requirePermissions([...readable, readPermission(state, "the state folder")]);
  const sources = [
    ...near,
    exceptStateFolder(
      dotenvSource(join(state, ".env"), await readDotenv(join(state, ".env"), env, warn)),
    ),
    yaml,
    exceptStateFolder(await readCredentialsSource(join(state, "credentials.json"), warn)),
  ];
  const examined = examineSources(sources, folders);
  return {
    ...examined,
    problems: [...config.problems, ...examined.problems],
    warnings,
    dotenv,
    configFile: config.exists ? fetched?.url ?? configFile : undefined,
  };
}

/**
 * The environment of workloads: `env`, and what the `.env` file beside the config file adds. A value
 * with a NUL byte is left out, since no process can be given it.
 */
export function withDotenv(
  env: Readonly<Record<string, string>>,
  { dotenv }: Pick<LoadedSettings, "dotenv">,
): Record<string, string> {
  const usable = Object.entries(dotenv).filter((variable) => !variable.join().includes("\0"));
  return { ...Object.fromEntries(usable), ...env };
}

/** A token, and where it was found. */
export interface FoundToken {
  /** The token. */
  readonly token: string;
  /** The variable or file that gave it. */
  readonly source: string;
}

/**
 * Reads the token again, from the same places as `loadSettings` and in the same order: a file may hold
 * a new one by now. `undefined`: there is no token, or what is there is not a valid one.
 */
export async function readToken(options: LoadOptions): Promise<FoundToken | undefined> {
  const { settings, sources } = await examineSettings(options);
  const source = sources.get("token");
  const { token } = settings;
  return token === undefined || source === undefined ? undefined : { token, source };
}

const CONFIG_FILE = "cyberwave.yml";
const CONFIG_FOLDER = "the folder of cyberwave.yml and .env";

/** The config file: the one named, else cyberwave.yml, else a README.md with settings at its head. */
async function configFileOf({ configPath, cwd, fetched }: LoadOptions): Promise<string> {
  if (fetched !== undefined) return fetched.url;
  if (configPath !== undefined) return configPath;
  const isThere = await exists(join(cwd, CONFIG_FILE));
  return !isThere && await hasFrontMatter(join(cwd, README)) ? README : CONFIG_FILE;
}

/**
 * Whether the front matter of a file has a section for the node. The node reads nothing else of it.
 */
async function hasFrontMatter(path: string): Promise<boolean> {
  const text = await readTextFile(path).catch(() => undefined);
  const sections = new RegExp(`^(${WRAPPERS.join("|")}):`, "m");
  return sections.test(frontMatterOf(text ?? "") ?? "");
}

/** A config file, and what makes it unusable. */
interface ExaminedFile extends ConfigFile {
  readonly exists: boolean;
  readonly problems: readonly ConfigError[];
}

async function examineFile(
  path: string,
  shownAs: string,
  required: boolean,
  text: string | undefined,
): Promise<ExaminedFile> {
  const noFile: ConfigFile = { mapping: {}, warnings: [], place: () => shownAs };
  try {
    const document = await readYaml(path, shownAs, text);
    if (document !== undefined) {
      return { ...readConfigFile(document, shownAs), exists: true, problems: [] };
    }
    const problem = new ConfigError(`Cannot read ${quoted(shownAs)}: there is no such file`, {
      hint: "Give --config the path of your cyberwave.yml",
    });
    return { ...noFile, exists: false, problems: required ? [problem] : [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { ...noFile, exists: true, problems: [error] };
  }
}

function dotenvSource(path: string, variables: Readonly<Record<string, string>>): Source {
  return variableSource(variables, (name) => `${name} in ${path}`);
}

async function readCredentialsSource(path: string, warn: Warn): Promise<Source> {
  return credentialsSource(await readCredentials(path, warn), path);
}

function exceptStateFolder(source: Source): Source {
  return (setting) => setting.key === "stateFolder" ? undefined : source(setting);
}

/**
 * Finds the state folder as `loadSettings` does, without the other settings. A config file that
 * cannot be used counts as missing, with a warning.
 */
export async function locateState(
  options: LoadOptions,
): Promise<{ readonly stateFolder: string; readonly warnings: readonly string[] }> {
  const { configPath = CONFIG_FILE, flags = {}, env, cwd, fetched } = options;
  const warnings = warningsOf(fetched);
  const warn = (message: string) => void warnings.push(message);
  const folders = { work: dirname(absolute(cwd, configPath)), home: () => homeFolder(env) };
  requirePermissions([readPermission(folders.work, CONFIG_FOLDER)]);
  const file = await configFileOf(options);
  const dotenv = await readDotenv(join(folders.work, ".env"), env, warn);
  const sources = [
    ...nearSources(flags, env, folders.work, dotenv),
    yamlSource(await readMapping(absolute(cwd, file), file, warn, fetched?.text), file),
  ];
  return { stateFolder: stateFolderOf(sources, folders), warnings };
}

function warningsOf(fetched: FetchedFile | undefined): string[] {
  return fetched?.warning === undefined ? [] : [fetched.warning];
}

function nearSources(
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>>,
  workFolder: string,
  dotenv: Readonly<Record<string, string>>,
): Source[] {
  return [
    flagSource(flags),
    variableSource(env, (name) => `environment variable ${name}`),
    dotenvSource(join(workFolder, ".env"), dotenv),
  ];
}

async function readMapping(
  path: string,
  shownAs: string,
  warn: Warn,
  text: string | undefined,
): Promise<ConfigFile["mapping"]> {
  try {
    const document = await readYaml(path, shownAs, text);
    return document === undefined ? {} : readConfigFile(document, shownAs).mapping;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    warn(error.message);
    return {};
  }
}
