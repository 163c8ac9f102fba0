/**
 * The settings of a command.
 *
 * @module
 */
import { statePermissions } from "../config/needed_permissions.ts";
import { describeSettings } from "../config/settings_help.ts";
import {
  type LoadedSettings,
  type LoadOptions,
  loadSettings,
  locateState,
  withDotenv,
} from "../config/load.ts";
import { isSecretName } from "../config/variables.ts";
import { type Review, reviewConfig } from "../doctor/config_review.ts";
import { addSecret, createLogger, setupLogging } from "../log.ts";
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
  setupLogging({ format: loaded.settings.logFormat, verbose: args.has("verbose") });
  const logger = createLogger("config");
  for (const warning of loaded.warnings) logger.warn(warning);
  logSettings(loaded);
  return loaded;
}

function logSettings(loaded: LoadedSettings): void {
  const logger = createLogger("config");
  for (const line of describeSettings(loaded)) logger.debug(line);
}

/** All that is to be said about the settings, with their secrets hidden from what is printed. */
export async function reviewSettings(args: Arguments): Promise<Review> {
  setupLogging({ format: "text", verbose: args.has("verbose") });
  const review = await reviewConfig(loadOptions(args));
  hideSecrets(review.loaded);
  if (review.isComplete) logSettings(review.loaded);
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
  setupLogging({ format: "text", verbose: args.has("verbose") });
  const { stateFolder, warnings } = await locateState(loadOptions(args));
  const logger = createLogger("config");
  for (const warning of warnings) logger.warn(warning);
  requirePermissions(statePermissions(stateFolder));
  return stateFolder;
}

/** Where the arguments say to look for settings. */
export function loadOptions(args: Arguments): LoadOptions {
  return {
    configPath: args.value("config"),
    flags: args.flags,
    env: readEnvironment(),
    cwd: Deno.cwd(),
  };
}

function hideSecrets({ settings: { token, mqttPassword }, dotenv }: LoadedSettings): void {
  for (const secret of [token, mqttPassword]) if (secret !== undefined) addSecret(secret);
  for (const [name, value] of Object.entries(dotenv)) if (isSecretName(name)) addSecret(value);
}
