/**
 * `--config URL`: the file that many nodes have, and the copy with which a node starts without it.
 *
 * @module
 */
import { fetchConfig, readReference } from "../backend/fetched_config.ts";
import { type FetchedFile, type LoadedSettings, locateState } from "../config/load.ts";
import { ConfigError, messageOf, quoted } from "../errors.ts";
import { createLogger } from "../log.ts";
import { type ConfigCopy, keepConfigCopy, readConfigCopy } from "../state/config_copy.ts";
import { systemClock } from "../time.ts";
import type { Arguments } from "./arguments.ts";
import { loadOptions } from "./load_settings.ts";

/** The commands that start something in the folder of their config file, on another day. */
const NEEDS_FILE = ["service"];

/**
 * The arguments of a command with the config file that `reference` names.
 *
 * @throws {ConfigError} if the command cannot do with a URL, or that names no file
 */
export async function withConfigByUrl(
  args: Arguments,
  reference: string,
  command: string,
): Promise<Arguments> {
  if (NEEDS_FILE.includes(command)) {
    throw new ConfigError(`${quoted(command)} needs a config file on this computer`);
  }
  const file = readReference(reference);
  const folder = await folderOfCopy(args, file.shown);
  return args.withConfig(
    await fetchConfig(file, { ...findCopy(folder, file.checksum), clock: systemClock }),
  );
}

/** Keeps a copy of the file that a node runs with, where a later start looks for it. Never rejects. */
export async function keepCopy(
  args: Arguments,
  { url, text, warning }: FetchedFile,
  { settings: { stateFolder } }: LoadedSettings,
): Promise<void> {
  // It is the copy already.
  if (warning !== undefined) return;
  const logger = createLogger("config");
  try {
    if (await folderOfCopy(args, url) !== stateFolder) {
      return logger.warn(
        `No copy of ${quoted(url)} is kept for when its server is down: only the file itself ` +
          "says where the state folder is. Name that with --state-folder or " +
          "CYBERWAVE_EDGE_CONFIG_DIR",
      );
    }
    await keepConfigCopy(stateFolder, text);
  } catch (error) {
    logger.warn(`Cannot keep a copy of ${quoted(url)}: ${messageOf(error)}`);
  }
}

/** The state folder as it is known without the file. */
async function folderOfCopy(args: Arguments, url: string): Promise<string> {
  const { stateFolder } = await locateState(loadOptions(args.withConfig({ url, text: "" })));
  return stateFolder;
}

function findCopy(
  folder: string,
  checksum: string,
): { readonly copy: ConfigCopy | undefined; readonly problem?: string } {
  try {
    return { copy: readConfigCopy(folder, checksum) };
  } catch (error) {
    return { copy: undefined, problem: messageOf(error) };
  }
}
