/**
 * Finds the result files of a command: all in its own folder, and those in the shared folder that
 * were not there before it.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { ResultFile } from "../journal/result_files.ts";
import type { Logger } from "../log.ts";
import { removeEmptied } from "./cleanup.ts";
import type { CommandFolder } from "./command_folder.ts";
import { isChosen } from "./glob.ts";
import { filesIn, folderAt, listFiles } from "./listing.ts";
import { moveFiles } from "./move.ts";
import { distinctNames } from "./names.ts";
import { readSnapshot, writeSnapshot } from "./folder_snapshot.ts";
import type { TrackedCommand } from "./upload.ts";

/** Where the files of each command are recorded. */
export interface FinderStore {
  /** Whether a file, as it is now, is no result to be taken for this command. */
  isTaken(file: ResultFile, commandId: string): boolean;
  /** How many other commands that may leave results have run since this one, which runs, started. */
  ranBeside(commandId: string): number;
}

/** What results are found with. */
interface FinderParts {
  readonly settings: {
    /** Where workloads may leave their results, all in one folder. */
    readonly resultsFolder: string;
    /** Which files are results: patterns, or none for all. */
    readonly results: readonly string[];
  };
  readonly store: FinderStore;
  readonly logger: Logger;
}

/** Finds the result files of commands. */
export class ResultFinder {
  readonly #parts: FinderParts;
  /**
   * The logger before a command has ended: files that cannot be sent are warned about at the end.
   */
  readonly #quiet: Logger;

  /** Makes one. */
  constructor(parts: FinderParts) {
    const { logger } = parts;
    this.#parts = parts;
    const debug = (message: string) => logger.debug(message);
    this.#quiet = { debug, info: debug, warn: debug, error: debug };
  }

  /** Records what is in the shared folder before a command starts. */
  noteShared(folder: CommandFolder): void {
    const shared = folderAt(this.#parts.settings.resultsFolder, this.#quiet);
    if (shared !== undefined) writeSnapshot(folder.snapshot, filesIn(shared, this.#quiet));
  }

  /** What a command that runs has left so far, each file under a name of its own. */
  async look(id: string, folder: CommandFolder): Promise<ResultFile[]> {
    const files = await this.#listOwn(folder, this.#quiet);
    // Files in the shared folder can only be attributed while no other command runs.
    if (this.#parts.store.ranBeside(id) === 0) {
      files.push(...await this.#listShared(id, this.#quiet));
    }
    return distinctNames(files);
  }

  /**
   * What a command that has ended left, each file under a name of its own. Moves what is in the shared
   * folder to the command's, except for what has to stay.
   */
  async take(command: TrackedCommand, folder: CommandFolder): Promise<ResultFile[]> {
    const inPlace = await this.#takeShared(command, folder);
    return distinctNames([...await this.#listOwn(folder, this.#parts.logger), ...inPlace]);
  }

  /** Moves what a command left in the shared folder to its own. Resolves with what has to stay. */
  async #takeShared(
    { id, workloadUuid }: TrackedCommand,
    folder: CommandFolder,
  ): Promise<ResultFile[]> {
    const { settings: { resultsFolder }, store, logger } = this.#parts;
    let files = await this.#listShared(id, logger);
    const others = files.length === 0 ? 0 : store.ranBeside(id);
    if (others > 0) {
      const before = readSnapshot(folder.snapshot, logger);
      files = files.filter((file) => !before.has(file));
      logger.warn(
        `${files.length} files that appeared in ${quoted(resultsFolder)} while workload ` +
          `${quoted(workloadUuid)} ran are taken for its results, although ${others} other ` +
          "workloads ran meanwhile and may have written them: have each write to the folder in " +
          "its CYBERWAVE_RESULTS_FOLDER, which is its own",
      );
    }
    const destination = { folder: folder.moved, partial: folder.partial };
    const left = await moveFiles(files, destination, logger);
    // Another workload may be about to write into a folder that it has just made.
    if (others === 0) removeEmptied(files, resultsFolder);
    return left;
  }

  /** The files in the shared folder that may be a command's. */
  async #listShared(id: string, logger: Logger): Promise<ResultFile[]> {
    const { settings: { resultsFolder, results }, store } = this.#parts;
    const shared = folderAt(resultsFolder, logger);
    if (shared === undefined) return [];
    return (await listFiles(shared, logger))
      .filter((file) => isChosen(file.name, results) && !store.isTaken(file, id));
  }

  /** The files in a command's own folder. */
  async #listOwn(folder: CommandFolder, logger: Logger): Promise<ResultFile[]> {
    const { results } = this.#parts.settings;
    const own = await listFiles(folder.own, logger);
    const moved = await listFiles(folder.moved, logger);
    return [...own.filter(({ name }) => isChosen(name, results)), ...moved];
  }
}
