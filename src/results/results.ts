/**
 * Brings the files that workloads leave to the platform: all of a workload's or, after a failure
 * that does not pass, none of them, in which case they stay where they are.
 *
 * @module
 */
import { CloudNodeError, messageOf, quoted } from "../errors.ts";
import type { FoundFile, ResultFile } from "../journal/result_files.ts";
import { untilStored } from "../journal/until_stored.ts";
import type { Logger } from "../log.ts";
import { backoff, type Clock } from "../time.ts";
import { attachmentName } from "./attachment.ts";
import { attempts, mayPass } from "./attempts.ts";
import { removeUploaded, type Settled } from "./cleanup.ts";
import { listResults } from "./listing.ts";
import { Progress, sizeText } from "./progress.ts";
import { type Payload, sendAll, sendFile, type StorageAnswer } from "./send.ts";

/** A command that the platform follows as a workload. */
export interface TrackedCommand {
  readonly id: string;
  readonly workloadUuid: string;
}

/** Where it is remembered whose files are whose, and how far they have come. */
export interface ResultStore {
  /** Gives a command those files that no other has; none when it has some already. */
  claim(commandId: string, files: readonly FoundFile[]): void;
  /** The files of a command. */
  of(commandId: string): ResultFile[];
  /** The commands whose upload is not finished. */
  unfinished(): string[];
  sent(attachmentUuid: string, signedUrl: string): void;
  acknowledged(commandId: string): void;
  settled(files: readonly Settled[]): void;
  failed(commandId: string, failure: string): void;
}

/** What an upload asks of the platform. */
export interface ResultsApi {
  /** Gets a URL to put a file to. */
  signUpload(
    workloadUuid: string,
    filename: string,
    signal: AbortSignal,
  ): Promise<{ signedUrl: string }>;
  /** Tells which files were put where. */
  uploadResults(workloadUuid: string, results: UploadedFiles, signal: AbortSignal): Promise<void>;
}

/** The files of a workload, each at the same place in all three lists. */
export interface UploadedFiles {
  readonly filenames: readonly string[];
  readonly signedUrls: readonly string[];
  readonly attachmentUuids: readonly string[];
}

/** How an upload ended. */
export type UploadOutcome =
  | { readonly type: "uploaded"; readonly count: number }
  | { readonly type: "failed"; readonly reason: string };

/** What uploads work with. */
export interface ResultUploadsOptions {
  readonly store: ResultStore;
  readonly api: ResultsApi;
  /** Puts bytes to a signed URL. There is no time limit but the signal. */
  readonly put: (url: string, payload: Payload, signal: AbortSignal) => Promise<StorageAnswer>;
  /** Where workloads leave their results. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
}

/** Between rounds of an upload. */
const ROUND_WAIT = { min: 5_000, max: 300_000 };

/** An upload that gets no file through for this long has failed. */
const GIVE_UP_MS = 3_600_000;

/** The uploads of all workloads. */
export class ResultUploads {
  readonly #options: Required<ResultUploadsOptions>;

  /** Uploads what is in `options.folder`. */
  constructor(options: ResultUploadsOptions) {
    this.#options = { random: Math.random, ...options };
  }

  /**
   * Gives a command that just succeeded the files in the results folder, and tells how many those
   * are. The same when it is asked again; so files that come later belong to a later command.
   */
  claim({ id, workloadUuid }: TrackedCommand): number {
    const { store, folder, logger } = this.#options;
    const before = store.of(id).length;
    if (before > 0) return before;
    const found = listResults(folder, logger);
    store.claim(id, found);
    const count = store.of(id).length;
    if (count < found.length) {
      logger.info(
        `${found.length - count} files in ${quoted(folder)} are not results of workload ` +
          `${quoted(workloadUuid)}: they belong to earlier uploads`,
      );
    }
    return count;
  }

  /** The commands whose files are still to be uploaded, or to be removed after that. */
  unfinished(): string[] {
    return this.#options.store.unfinished();
  }

  /**
   * Uploads the files of a command, going on where an earlier upload was interrupted; throws the
   * signal's reason when it is interrupted itself. Asked again it gives the same outcome.
   */
  async upload(command: TrackedCommand, signal: AbortSignal): Promise<UploadOutcome> {
    const { store, folder, logger } = this.#options;
    const files = store.of(command.id);
    const failure = files.find(({ state }) => state === "failed")?.failure;
    if (failure !== undefined) return { type: "failed", reason: failure };
    try {
      if (files.some(({ state }) => state === "claimed" || state === "sent")) {
        await this.#inRounds(command, signal);
      }
    } catch (error) {
      signal.throwIfAborted();
      const reason = messageOf(error);
      await this.#remember(() => store.failed(command.id, reason), signal);
      logger.error(
        `The results of ${nameOf(command)} are not uploaded: ${reason}. All ${files.length} ` +
          `files stay in ${quoted(folder)}`,
      );
      return { type: "failed", reason };
    }
    await this.#removeUploaded(command, signal);
    return { type: "uploaded", count: files.length };
  }

  /** Uploads until it is done, or failed for good. */
  async #inRounds(command: TrackedCommand, signal: AbortSignal): Promise<void> {
    const { store, clock, logger, random } = this.#options;
    const left = () => store.of(command.id).filter(({ state }) => state === "claimed").length;
    let trouble = { since: clock.monotonic(), rounds: 0 };
    for (let before = left();; before = left()) {
      try {
        return await this.#round(command, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!mayPass(error)) throw error;
        // One file out of luck does not keep the others waiting.
        const moved = left() < before;
        if (moved) trouble = { since: clock.monotonic(), rounds: 0 };
        if (clock.monotonic() - trouble.since >= GIVE_UP_MS) throw error;
        const wait = moved ? 0 : backoff(trouble.rounds++, ROUND_WAIT, random);
        logger.warn(
          `The upload of the results of ${nameOf(command)} is interrupted: ${messageOf(error)}; ` +
            `going on in ${(wait / 1000).toFixed(1)} s${hintOf(error)}`,
        );
        await clock.sleep(wait, signal);
      }
    }
  }

  /** Sends what is not sent, and tells the platform of everything. */
  async #round(command: TrackedCommand, signal: AbortSignal): Promise<void> {
    const { store, api, put, clock, logger } = this.#options;
    const { id, workloadUuid } = command;
    const storage = {
      put,
      sign: (filename: string, signal: AbortSignal) =>
        api.signUpload(workloadUuid, filename, signal),
    };
    const begun = clock.monotonic();
    const files = store.of(id);
    const toSend = files.filter(({ state }) => state === "claimed");
    const progress = this.#progress(command, files, toSend);
    const parts = { ...this.#options, onProgress: (bytes: number) => progress.add(bytes) };
    await sendAll(toSend, async (file, signal) => {
      const url = await sendFile(file, storage, parts, signal);
      await this.#remember(() => store.sent(file.attachmentUuid, url), signal);
    }, signal);
    const results = uploadedFiles(store.of(id));
    await attempts(() => api.uploadResults(workloadUuid, results, signal), parts, signal);
    await this.#remember(() => store.acknowledged(id), signal);
    const seconds = ((clock.monotonic() - begun) / 1000).toFixed(1);
    logger.info(`Uploaded the results of ${nameOf(command)} in ${seconds} s`);
  }

  #progress(
    command: TrackedCommand,
    files: readonly ResultFile[],
    toSend: readonly ResultFile[],
  ): Progress {
    const { clock, logger } = this.#options;
    const [total, left] = [bytesOf(files), bytesOf(toSend)];
    const sent = toSend.length < files.length
      ? `, ${files.length - toSend.length} sent before`
      : "";
    logger.info(
      `Uploading ${files.length} result files (${sizeText(total)}${sent}) of ${nameOf(command)}`,
    );
    const tell = (words: string) => logger.info(`Results of ${nameOf(command)}: ${words}`);
    return new Progress({ done: total - left, total, clock, tell });
  }

  async #removeUploaded({ id }: TrackedCommand, signal: AbortSignal): Promise<void> {
    const { store, folder, logger } = this.#options;
    const uploaded = store.of(id).filter(({ state }) => state === "acknowledged");
    const settled = removeUploaded(uploaded, folder, logger);
    await this.#remember(() => store.settled(settled), signal);
  }

  /** Writes to the journal, trying until that is on disk. */
  #remember(write: () => void, signal: AbortSignal): Promise<void> {
    return untilStored("how far an upload is", write, this.#options, signal);
  }
}

function uploadedFiles(files: readonly ResultFile[]): UploadedFiles {
  return {
    filenames: files.map(({ attachmentUuid, path }) => attachmentName(attachmentUuid, path)),
    signedUrls: files.map(({ signedUrl }) => signedUrl!),
    attachmentUuids: files.map(({ attachmentUuid }) => attachmentUuid),
  };
}

function bytesOf(files: readonly ResultFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

function nameOf({ workloadUuid }: TrackedCommand): string {
  return `workload ${quoted(workloadUuid)}`;
}

function hintOf(error: unknown): string {
  return error instanceof CloudNodeError && error.hint !== undefined ? ` (${error.hint})` : "";
}
