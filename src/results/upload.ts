/**
 * The upload of one command's result files: all of them or, after a permanent failure, none.
 *
 * @module
 */
import type { SignedUpload, UploadedResults } from "../backend/backend.ts";
import type { Payload, StorageAnswer } from "../backend/storage.ts";
import { CloudNodeError, counted, messageOf, quoted } from "../errors.ts";
import type { RecordedFile, ResultFile, SentTo } from "../journal/result_files.ts";
import { commitUntilStored } from "../journal/until_stored.ts";
import type { Logger } from "../log.ts";
import { backoff, type Clock } from "../time.ts";
import { attempts, mayPass } from "./attempts.ts";
import { sizeText, UploadProgress } from "./upload_progress.ts";
import type { Semaphore } from "./semaphore.ts";
import { type FileStorage, sendAll, sendFile } from "./send.ts";

/** A command that the platform follows as a workload. */
export interface TrackedCommand {
  readonly id: string;
  readonly workloadUuid: string;
}

/** Where an upload records its progress. */
export interface UploadStore {
  /** The files of a command. */
  of(commandId: string): RecordedFile[];
  sent(seq: number, sentTo: SentTo): void;
  changed(seq: number, file: Pick<ResultFile, "size" | "fingerprint">): void;
  acknowledged(commandId: string): void;
}

/** The calls of an upload. */
interface ResultsApi {
  /** Asks where the file of this name is to be put. */
  signUpload(workloadUuid: string, name: string, signal: AbortSignal): Promise<SignedUpload>;
  /** Reports which files were put where. */
  uploadResults(workloadUuid: string, results: UploadedResults, signal: AbortSignal): Promise<void>;
}

/** What uploads work with. */
export interface UploadParts {
  readonly store: UploadStore;
  /** Commits what is written to the store. */
  readonly journal: { commit<T>(write: () => T): Promise<T> };
  readonly api: ResultsApi;
  /** Puts bytes to a signed URL. There is no time limit but the signal. */
  readonly put: (url: string, payload: Payload, signal: AbortSignal) => Promise<StorageAnswer>;
  /** Bounds how many commands' uploads move at a time. */
  readonly slots: Semaphore;
  /** Whether a file may be written to after its workload ended, and is then sent as it is. */
  mayChange(file: ResultFile): boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** Between rounds of an upload. */
const ROUND_WAIT = { min: 5_000, max: 300_000 };

/** An upload that gets no file through for this long has failed. */
const GIVE_UP_MS = 3_600_000;

/** The upload of one command's result files. */
export class Upload {
  readonly #command: TrackedCommand;
  readonly #parts: UploadParts;

  /** Prepares the upload of the files that the store has of `command`. */
  constructor(command: TrackedCommand, parts: UploadParts) {
    this.#command = command;
    this.#parts = parts;
  }

  /** Uploads until that is done or has failed for good. Goes on where an earlier one was interrupted. */
  async run(signal: AbortSignal): Promise<void> {
    const { slots, clock, logger, random } = this.#parts;
    for (let trouble = { since: clock.monotonic(), rounds: 0 };;) {
      const before = this.#unsent().length;
      try {
        return await slots.run(() => this.#round(signal), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!mayPass(error)) throw error;
        // A file that fails does not keep the others waiting.
        const moved = this.#unsent().length < before;
        if (moved) trouble = { since: clock.monotonic(), rounds: 0 };
        if (clock.monotonic() - trouble.since >= GIVE_UP_MS) throw error;
        const wait = moved ? 0 : backoff(trouble.rounds++, ROUND_WAIT, random);
        logger.warn(
          `The upload of the results of ${this.#name} is interrupted: ${messageOf(error)}; ` +
            `going on in ${(wait / 1000).toFixed(1)} s${hintOf(error)}`,
        );
        await clock.sleep(wait, signal);
      }
    }
  }

  /** Sends what is not sent yet, while the workload may add more, and reports all that is sent. */
  async runPart(signal: AbortSignal): Promise<void> {
    await this.#parts.slots.run(async () => {
      await this.#send(this.#unsent(), signal, () => {});
      await this.#report(this.#files().filter(({ state }) => state === "sent"), signal);
    }, signal);
  }

  /** Sends what is not sent, and reports everything. */
  async #round(signal: AbortSignal): Promise<void> {
    const { store, clock, logger } = this.#parts;
    const begun = clock.monotonic();
    const progress = this.#progress();
    await this.#send(this.#unsent(), signal, (bytes) => progress.add(bytes));
    await this.#report(this.#files(), signal);
    await this.#record(() => store.acknowledged(this.#command.id), signal);
    const seconds = ((clock.monotonic() - begun) / 1000).toFixed(1);
    logger.info(`Uploaded the results of ${this.#name} in ${seconds} s`);
  }

  async #send(
    files: readonly RecordedFile[],
    signal: AbortSignal,
    onProgress: (bytes: number) => void,
  ): Promise<void> {
    const { store, api, put, logger, ...rest } = this.#parts;
    const storage: FileStorage = {
      put,
      sign: (name, signal) => api.signUpload(this.#command.workloadUuid, name, signal),
    };
    await sendAll(files, async (file, signal) => {
      const onChanged = (changed: ResultFile) => {
        logger.info(`${quoted(file.path)} was written to after its workload had ended`);
        return this.#record(() => store.changed(file.seq, changed), signal);
      };
      const parts = { ...rest, logger, onChanged, onProgress };
      const sentTo = await sendFile(file, storage, parts, signal);
      await this.#record(() => store.sent(file.seq, sentTo), signal);
    }, signal);
  }

  async #report(files: readonly RecordedFile[], signal: AbortSignal): Promise<void> {
    const results = {
      filenames: files.map(({ name }) => name),
      signedUrls: files.map(({ signedUrl }) => signedUrl!),
      attachmentUuids: files.map(({ attachmentUuid }) => attachmentUuid!),
    };
    const { api } = this.#parts;
    const report = () => api.uploadResults(this.#command.workloadUuid, results, signal);
    await attempts(report, this.#parts, signal);
  }

  #progress(): UploadProgress {
    const { clock, logger } = this.#parts;
    const [files, unsent] = [this.#files(), this.#unsent()];
    const [total, left] = [bytesOf(files), bytesOf(unsent)];
    const sent = unsent.length < files.length
      ? `, ${files.length - unsent.length} sent before`
      : "";
    logger.info(
      `Uploading ${counted(files.length, "result file")} (${
        sizeText(total)
      }${sent}) of ${this.#name}`,
    );
    const report = (words: string) => logger.info(`Results of ${this.#name}: ${words}`);
    return new UploadProgress({ done: total - left, total, clock, report });
  }

  #files(): RecordedFile[] {
    return this.#parts.store.of(this.#command.id);
  }

  #unsent(): RecordedFile[] {
    return this.#files().filter(({ state }) => state === "claimed");
  }

  /** Writes to the journal, and retries until it is on disk. */
  async #record(write: () => void, signal: AbortSignal): Promise<void> {
    await commitUntilStored("how far an upload is", this.#parts, signal, write);
    signal.throwIfAborted();
  }

  get #name(): string {
    return `workload ${quoted(this.#command.workloadUuid)}`;
  }
}

function bytesOf(files: readonly RecordedFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

function hintOf(error: unknown): string {
  return error instanceof CloudNodeError && error.hint !== undefined ? ` (${error.hint})` : "";
}
