/**
 * The settings of a command.
 *
 * @module
 */
import { statePermissions } from "../config/needed_permissions.ts";
import { describeSettings } from "../config/settings/settings_help.ts";
import {
  type LoadedSettings,
  type LoadOptions,
  loadSettings,
  locateState,
  withDotenv,
} from "../config/load.ts";
import { isSecretName } from "../config/variables.ts";
import type { Review } from "../doctor/config_review.ts";
import { addSecret, createLogger, type LogFormat, type LogLevel, setupLogging } from "../log.ts";
import { isReadByJournal } from "../os/journal_stream.ts";
import { readEnvironment, readsWholeEnvironment, requirePermissions } from "../permissions.ts";
import type { Arguments } from "./arguments.ts";

/**
 * Loads the settings and sets up logging as they say. `adapt` may change them first.
 *
 * @throws {ConfigError} when a file or a value is not what it should be
 */
export async function useSettings(
  args: Arguments,
  adapt: (loaded: LoadedSettings) => LoadedSettings = (loaded) => loaded,
): Promise<LoadedSettings> {
  const loaded = adapt(await loadSettings(loadOptions(args)));
  hideSecrets(loaded);
  const { logFormat, logLevel } = loaded.settings;
  await logAs(logFormat, args, logLevel);
  const logger = createLogger("config");
  for (const warning of loaded.warnings) logger.warn(warning);
  logSettings(loaded);
  return loaded;
}

/** Logs in this form; -v says more than any other setting. */
export async function logAs(
  format: LogFormat,
  args: Arguments,
  level: LogLevel = "info",
): Promise<void> {
  const toJournal = await isReadByJournal(readEnvironment());
  setupLogging({ format, level: args.has("verbose") ? "debug" : level, toJournal });
}

/**
 * Logs as JSON from the beginning if a flag or a variable asks for that: an error may come before
 * all settings are known, and a program reads it as well.
 */
export async function logAsAskedFor(args: readonly string[]): Promise<void> {
  const env = readEnvironment();
  const flag = args.flatMap((arg, index) =>
    arg === "--log-format" ? args[index + 1] ?? "" : /^--log-format=(.*)/.exec(arg)?.[1] ?? []
  );
  const format = flag.at(-1) ?? env.CYBERWAVE_LOG_FORMAT;
  if (format !== "json") return;
  setupLogging({ format, level: "info", toJournal: await isReadByJournal(env) });
}

function logSettings(loaded: LoadedSettings): void {
  const logger = createLogger("config");
  for (const line of describeSettings(loaded)) logger.debug(line);
}

/** The review of the settings; their secrets are masked in all output from now on. */
export async function reviewSettings(args: Arguments): Promise<Review> {
  await logAs("text", args);
  const review = await reviewAgain(args);
  if (review.isComplete) logSettings(review.loaded);
  return review;
}

/** The same in a program that logs already, and logs nothing of it. */
export async function reviewAgain(args: Arguments): Promise<Review> {
  // A node that runs does without it.
  const { reviewConfig } = await import("../doctor/config_review.ts");
  const review = await reviewConfig(loadOptions(args));
  hideSecrets(review.loaded);
  return review;
}

/** The environment for the workloads: what of the program's own it may read, and `.env`. */
export function workloadEnvironment(loaded: LoadedSettings): Record<string, string> {
  if (!readsWholeEnvironment()) {
    createLogger("config").info(
      "Workloads see only the environment variables that Deno allows this program to read",
    );
  }
  return withDotenv(readEnvironment(), loaded);
}

/** The state folder, which is all that looking at the journal takes, whatever else is wrong. */
export async function useStateFolder(args: Arguments): Promise<string> {
  await logAs("text", args);
  const { stateFolder, warnings } = await locateState(loadOptions(args));
  const logger = createLogger("config");
  for (const warning of warnings) logger.warn(warning);
  requirePermissions(statePermissions(stateFolder));
  return stateFolder;
}

/** Where the arguments say to look for settings. */
export function loadOptions(args: Arguments): LoadOptions {
  return {
    configPath: args.fetchedConfig === undefined ? args.value("config") : undefined,
    fetched: args.fetchedConfig,
    flags: args.flags,
    env: readEnvironment(),
    cwd: Deno.cwd(),
  };
}

function hideSecrets({ settings: { token, mqttPassword }, dotenv }: LoadedSettings): void {
  for (const secret of [token, mqttPassword]) if (secret !== undefined) addSecret(secret);
  for (const [name, value] of Object.entries(dotenv)) if (isSecretName(name)) addSecret(value);
}
