/**
 * The result files of workloads: after a success they are moved out of the shared folder and
 * uploaded to the platform.
 *
 * @module
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { counted, messageOf, quoted } from "../errors.ts";
import type { RecordedFile, ResultFile } from "../journal/result_files.ts";
import { commitUntilStored } from "../journal/until_stored.ts";
import { isAbort } from "../time.ts";
import { type Cleaned, removeUploaded } from "./cleanup.ts";
import { CommandFolder } from "./command_folder.ts";
import { type FinderStore, ResultFinder } from "./finder.ts";
import { isBelow } from "./listing.ts";
import { Semaphore } from "./semaphore.ts";
import { type TrackedCommand, Upload, type UploadParts, type UploadStore } from "./upload.ts";

/** A command that may leave results. */
interface ResultsCommand {
  readonly id: string;
  /** The platform's id for the work. Without one nothing is uploaded. */
  readonly workloadUuid: string | undefined;
}

/** Where it is recorded whose files are whose, and how far their upload is. */
interface ResultStore extends UploadStore, FinderStore {
  /** Gives files to a command; one that it has already, unchanged, keeps its state. */
  record(commandId: string, files: readonly ResultFile[]): void;
  cleaned(files: readonly Cleaned[]): void;
  failed(commandId: string, failure: string): void;
}

/** How an upload ended. */
export type UploadOutcome =
  | { readonly type: "uploaded" }
  | { readonly type: "failed"; readonly reason: string };

/** What uploads of results work with. */
export interface ResultUploadsOptions
  extends Omit<UploadParts, "store" | "slots" | "mayChange" | "random"> {
  readonly settings: {
    /** Whether new results are uploaded. */
    readonly uploadResults: boolean;
    /** Where workloads may leave their results, all in one folder. */
    readonly resultsFolder: string;
    /** Which files are results: patterns, or none for all. */
    readonly results: readonly string[];
    /** Seconds between looks for files to send while their workload runs; 0 for none. */
    readonly uploadWhileRunning: number;
    readonly stateFolder: string;
  };
  readonly store: ResultStore;
  /** Holds the folders of workloads, which get what is not sent. */
  readonly workloadsFolder: string;
  /** Spreads waits. Default: `Math.random`. */
  readonly random?: () => number;
}

/** How many commands' uploads move at a time. */
const UPLOADS_AT_A_TIME = 4;

/** The folder in the state folder that holds the results folders of commands. */
const RESULTS = "workload_results";

/** The results of all commands. */
export class ResultUploads {
  readonly #options: ResultUploadsOptions;
  /** Holds the results folders of commands. */
  readonly #root: string;
  readonly #parts: UploadParts;
  readonly #finder: ResultFinder;

  /** Does nothing yet. */
  constructor(options: ResultUploadsOptions) {
    this.#options = options;
    this.#root = join(options.settings.stateFolder, RESULTS);
    this.#finder = new ResultFinder(options);
    this.#parts = {
      random: Math.random,
      ...options,
      slots: new Semaphore(UPLOADS_AT_A_TIME),
      // In the shared folder, what differs may be another workload's.
      mayChange: ({ path }) => isBelow(this.#root, path),
    };
  }

  /**
   * The results folder of one command, for the workload's `CYBERWAVE_RESULTS_FOLDER`. Creates it and
   * notes what is in the shared folder, so call it before the start. The shared folder itself if
   * nothing is uploaded.
   */
  folderFor(commandId: string): string {
    const { uploadResults, resultsFolder } = this.#options.settings;
    if (!uploadResults) {
      this.createShared();
      return resultsFolder;
    }
    const folder = this.#folder(commandId);
    folder.create(() => this.#finder.noteShared(folder));
    return folder.own;
  }

  /**
   * Creates the shared folder, where that can be: most jobs that find it leave nothing there, and the
   * others learn from their own error what is wrong with it.
   */
  createShared(): void {
    const { settings: { resultsFolder }, logger } = this.#options;
    try {
      fs.mkdirSync(resultsFolder, { recursive: true });
    } catch (error) {
      logger.debug(`Cannot create ${quoted(resultsFolder)}: ${messageOf(error)}`);
    }
  }

  /**
   * Takes the result files of a command that has ended into its own folder, so that the next one may
   * run, and resolves with what will be sent: nothing unless it succeeded. Interrupted and called
   * again, it goes on.
   */
  async take(command: ResultsCommand, outcome: { status: string }): Promise<readonly ResultFile[]> {
    const { settings: { uploadResults }, store } = this.#options;
    const { id, workloadUuid } = command;
    const recorded = store.of(id);
    const files: ResultFile[] = [];
    if (uploadResults && workloadUuid !== undefined && outcome.status === "ok") {
      files.push(...await this.#finder.take({ id, workloadUuid }, this.#folder(id)));
      const names = new Set(files.map(({ name }) => name));
      // What was sent while the workload ran, and is gone since or still in the shared folder.
      files.push(...recorded.filter(({ name, state }) => state === "sent" && !names.has(name)));
    }
    if (files.length === 0) {
      if (recorded.length > 0) await this.#leave(recorded);
      this.#close(id);
    }
    return files;
  }

  /** Records what `take` returned, as part of the transaction that records the command's end. */
  record(commandId: string, files: readonly ResultFile[]): void {
    this.#options.store.record(commandId, files);
  }

  /**
   * Uploads the files of a command, going on where an earlier upload was interrupted; rejects with the
   * signal's reason when it is interrupted itself. Called again it gives the same outcome.
   */
  async upload(
    { id, workloadUuid }: ResultsCommand,
    signal: AbortSignal,
  ): Promise<UploadOutcome> {
    const { store } = this.#options;
    const files = store.of(id);
    const failure = files.find(({ state }) => state === "failed")?.failure;
    if (failure !== undefined) return { type: "failed", reason: failure };
    if (workloadUuid !== undefined && files.some(isPending)) {
      try {
        await new Upload({ id, workloadUuid }, this.#parts).run(signal);
      } catch (error) {
        signal.throwIfAborted();
        return await this.#fail({ id, workloadUuid }, files, messageOf(error), signal);
      }
    }
    await this.#removeUploaded(id, signal);
    return { type: "uploaded" };
  }

  /**
   * Sends files that have stopped changing while their workload runs, until `signal` aborts, and
   * resolves then: wait for that before `take`. Does nothing unless the settings ask for it.
   */
  async watch({ id, workloadUuid }: ResultsCommand, signal: AbortSignal): Promise<void> {
    const { settings, clock, logger } = this.#options;
    if (!settings.uploadResults || settings.uploadWhileRunning === 0) return;
    if (workloadUuid === undefined) return;
    let seen = new Map<string, string>();
    while (!signal.aborted) {
      try {
        await clock.sleep(settings.uploadWhileRunning * 1000, signal);
        seen = await this.#sendUnchanged({ id, workloadUuid }, seen, signal);
      } catch (error) {
        if (isAbort(error, signal)) return;
        logger.warn(
          `Cannot upload results of workload ${quoted(workloadUuid)} while it runs: ` +
            `${messageOf(error)}; retrying`,
        );
      }
    }
  }

  /** Sends those files that are as they were `seen`. Resolves with what is there now. */
  async #sendUnchanged(
    command: TrackedCommand,
    seen: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<Map<string, string>> {
    const { store, journal } = this.#options;
    const files = await this.#finder.look(command.id, this.#folder(command.id));
    const unchanged = files
      .filter(({ name, fingerprint }) => seen.get(name) === fingerprint);
    await journal.commit(() => store.record(command.id, unchanged));
    if (store.of(command.id).some(({ state }) => state === "claimed")) {
      await new Upload(command, this.#parts).runPart(signal);
    }
    return new Map(files.map(({ name, fingerprint }) => [name, fingerprint]));
  }

  async #fail(
    { id, workloadUuid }: TrackedCommand,
    files: readonly RecordedFile[],
    reason: string,
    signal: AbortSignal,
  ): Promise<UploadOutcome> {
    const { settings: { resultsFolder }, store, logger } = this.#options;
    await this.#record(() => store.failed(id, reason), signal);
    const where = new Set(
      files.map(({ path }) =>
        quoted(isBelow(this.#root, path) ? this.#folder(id).path : resultsFolder)
      ),
    );
    logger.error(
      `The results of workload ${quoted(workloadUuid)} are not uploaded: ${reason}. ` +
        `${counted(files.length, "file")} kept in ${[...where].join(" and ")}`,
    );
    return { type: "failed", reason };
  }

  async #removeUploaded(id: string, signal: AbortSignal): Promise<void> {
    const { settings: { resultsFolder }, store, logger } = this.#options;
    const uploaded = store.of(id).filter(({ state }) => state === "acknowledged");
    const cleaned = removeUploaded(uploaded, resultsFolder, logger);
    await this.#record(() => store.cleaned(cleaned), signal);
    this.#close(id);
  }

  /** Gives up files that were to be sent, because their workload has failed. */
  async #leave(files: readonly RecordedFile[]): Promise<void> {
    const { store, journal, logger } = this.#options;
    const left = files.map(({ seq }) => ({ seq, state: "left" as const }));
    try {
      await journal.commit(() => store.cleaned(left));
    } catch (error) {
      logger.warn(`Cannot store that files are not to be sent: ${messageOf(error)}`);
    }
  }

  async #record(write: () => void, signal: AbortSignal): Promise<void> {
    await commitUntilStored("how an upload ended", this.#parts, signal, write);
    signal.throwIfAborted();
  }

  #close(id: string): void {
    const { workloadsFolder, logger } = this.#options;
    this.#folder(id).close(join(workloadsFolder, id, "results"), logger);
  }

  #folder(id: string): CommandFolder {
    return new CommandFolder(join(this.#root, id));
  }
}

function isPending({ state }: RecordedFile): boolean {
  return state === "claimed" || state === "sent";
}
