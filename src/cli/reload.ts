/**
 * SIGHUP: reads the configuration of a running node again.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import { examineSettings, type LoadedSettings } from "../config/load.ts";
import { SETTINGS } from "../config/settings/settings.ts";
import { messageOf, quoted } from "../errors.ts";
import { createLogger } from "../log.ts";
import { LIVE_SETTINGS, type SettingChanges } from "../node/setting_changes.ts";
import type { Arguments } from "./arguments.ts";
import { loadOptions, logAs } from "./load_settings.ts";

/** What only the program itself uses. */
const LOGGING: readonly (keyof Settings)[] = ["logFormat", "logLevel"];

/** The token is looked for again when it is refused. */
const ELSEWHERE: readonly (keyof Settings)[] = ["token"];

/** Applies the changes of the configuration that need no restart, and logs the others. */
export class Reloads {
  readonly #args: Arguments;
  readonly #changes: SettingChanges;
  readonly #logger = createLogger("config");
  /** The file that the node was started with, if there was one. */
  readonly #configFile: string | undefined;
  /** The settings in effect. */
  #settings: Settings;
  #last: Promise<void> = Promise.resolve();

  /** Begins with these settings. */
  constructor(loaded: LoadedSettings, args: Arguments, changes: SettingChanges) {
    this.#settings = loaded.settings;
    this.#configFile = loaded.configFile;
    this.#args = args;
    this.#changes = changes;
  }

  /** Reads it again, after all that was asked before. Never rejects. */
  readonly reload = (): void => {
    this.#last = this.#last.then(() => this.#reload()).catch((error) =>
      this.#logger.error(`Cannot read the configuration again: ${messageOf(error)}`)
    );
  };

  async #reload(): Promise<void> {
    const examined = await examineSettings(loadOptions(this.#args));
    const { settings, problems, warnings, configFile } = examined;
    // It is being written.
    const isGone = this.#configFile !== undefined && configFile === undefined;
    const { fetchedConfig: fetched } = this.#args;
    if (fetched !== undefined) {
      const { url } = fetched;
      this.#logger.info(
        `Kept the config file from ${url}, which its checksum fixes: give --config a new checksum ` +
          "and restart the node for another one",
      );
    }
    for (const warning of warnings) {
      // Said at the start: the copy of a file is the same file.
      if (warning !== fetched?.warning) this.#logger.warn(warning);
    }
    for (const { message } of problems) this.#logger.error(message);
    if (isGone) this.#logger.error(`There is no ${quoted(this.#configFile!)} any more`);
    if (problems.length > 0 || isGone) {
      return this.#logger.error("The settings stay as they were: the new ones are wrong");
    }
    const changed = SETTINGS.filter(({ key }) =>
      !ELSEWHERE.includes(key) &&
      JSON.stringify(settings[key]) !== JSON.stringify(this.#settings[key])
    );
    const live = changed.filter(({ key }) => this.#isLive(key));
    const taken = Object.fromEntries(live.map(({ key }) => [key, settings[key]]));
    this.#settings = { ...this.#settings, ...taken };
    this.#changes.apply(taken);
    if (live.some(({ key }) => LOGGING.includes(key))) {
      await logAs(settings.logFormat, this.#args, settings.logLevel);
    }
    for (const { name, key, type } of live) {
      this.#logger.info(`${name} is ${quoted(type.format(settings[key]))} now`);
    }
    const rest = changed.filter((setting) => !live.includes(setting)).map(({ name }) => name);
    if (rest.length > 0) {
      this.#logger.warn(`Changed, but takes effect only at the next start: ${rest.join(", ")}`);
    }
    if (changed.length === 0) this.#logger.info("Nothing has changed in the settings");
  }

  #isLive(key: keyof Settings): boolean {
    // With GPUs to give away, how many jobs run at once follows from those.
    if (key === "concurrency") return this.#settings.gpus === undefined;
    return LOGGING.includes(key) || (LIVE_SETTINGS as readonly string[]).includes(key);
  }
}
