/**
 * The user's home folder.
 *
 * @module
 */
import { homedir } from "node:os";
import { ConfigError } from "../errors.ts";
import { OS } from "../os/current.ts";

/**
 * The home folder that the environment names, else the operating system.
 *
 * @throws {ConfigError} for a user whom neither knows, as containers have them
 */
export function homeFolder(
  env: Readonly<Record<string, string>>,
  lookUp: () => string | null = homedir,
): string {
  const folder = env[OS.homeVariable] || lookUp();
  if (folder) return folder;
  throw new ConfigError(`Cannot find the home folder: ${OS.homeVariable} is not set`, {
    hint: `Set ${OS.homeVariable}, or name a folder for the node's state with --state-folder ` +
      "(CYBERWAVE_EDGE_CONFIG_DIR)",
  });
}
