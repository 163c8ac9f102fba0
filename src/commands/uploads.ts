/**
 * The end of a workload of the platform that left result files: they are sent, and then it is over.
 *
 * @module
 */
import type { Journal } from "../journal/journal.ts";
import type { Pending } from "../journal/messages.ts";
import type { ResultFile } from "../journal/result_files.ts";
import { commitUntilStored } from "../journal/until_stored.ts";
import type { Logger } from "../log.ts";
import { messageOf } from "../errors.ts";
import { backoff, type Clock } from "../time.ts";
import { type Command, fieldsOf, nameOf } from "./command.ts";
import type { Outcome } from "./outcome.ts";
import type { PlatformStatus } from "./platform_status.ts";
import { Tasks } from "./tasks.ts";

/** Where the result files of commands go. */
export interface Results {
  /** The folder for the results of one command, in which it finds nothing of others. */
  folderFor(commandId: string): string;
  /** Creates the folder that the other commands share, where that can be. */
  createShared(): void;
  /** Sends files that have stopped changing while a command runs, if the settings say so. */
  watch(command: Pick<Command, "id" | "workloadUuid">, ended: AbortSignal): Promise<void>;
  /** Takes what a command that has ended left to be sent; nothing when there is nothing. */
  take(
    command: Pick<Command, "id" | "workloadUuid" | "kind">,
    outcome: Pick<Outcome, "status">,
  ): Promise<readonly ResultFile[]>;
  /** Stores what was taken: part of a transaction of the journal. */
  record(commandId: string, files: readonly ResultFile[]): void;
  /** Sends what was taken. Asked again it goes on where it stopped. */
  upload(
    command: Pick<Command, "id" | "workloadUuid">,
    signal: AbortSignal,
  ): Promise<{ readonly type: "uploaded" } | { readonly type: "failed"; readonly reason: string }>;
}

/** What uploads work with. */
interface UploadsParts {
  readonly results: Results;
  readonly journal: Journal;
  readonly outbox: { send(messages: readonly Pending[]): void };
  readonly platformStatus: PlatformStatus;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long to wait before an upload that broke off goes on. */
const RETRY = { min: 2_000, max: 30_000 };

/** The uploads of result files. */
export class Uploads {
  readonly #parts: UploadsParts;
  readonly #leaving = new AbortController();
  readonly #tasks: Tasks;
  readonly #commands = new Map<string, Command>();

  /** Begins with none. */
  constructor(parts: UploadsParts) {
    this.#parts = parts;
    this.#tasks = new Tasks(parts.logger);
  }

  /**
   * The variable that names the results folder of a command; without it that is the shared one. The
   * folder exists then.
   */
  variablesFor({ id, workloadUuid }: Command): Record<string, string> {
    if (workloadUuid === undefined) {
      this.#parts.results.createShared();
      return {};
    }
    return { CYBERWAVE_RESULTS_FOLDER: this.#parts.results.folderFor(id) };
  }

  /** Sends what a command that runs has finished, if it is to be sent so early, until it ends. */
  async watch(command: Command, ended: AbortSignal): Promise<void> {
    if (command.workloadUuid !== undefined) await this.#parts.results.watch(command, ended);
  }

  /** Takes the files that a command which has ended left to be sent. */
  async take(command: Command, outcome: Outcome): Promise<readonly ResultFile[]> {
    return command.workloadUuid === undefined
      ? []
      : await this.#parts.results.take(command, outcome);
  }

  /** Stores what was taken: part of the transaction that stores the end of the command. */
  record({ id }: Command, files: readonly ResultFile[]): void {
    if (files.length > 0) this.#parts.results.record(id, files);
  }

  /** The commands whose results are being sent. */
  commands(): Command[] {
    return [...this.#commands.values()];
  }

  /** Sends the result files of a command that has ended, and reports how that went. */
  begin(command: Command): void {
    if (this.#commands.has(command.id)) return;
    this.#commands.set(command.id, command);
    this.#tasks.add(this.#upload(command).finally(() => this.#commands.delete(command.id)));
  }

  /** Goes on with what an earlier node has not finished. */
  resume(): void {
    for (const command of this.#parts.journal.finalizing()) this.begin(command);
  }

  /** Resolves when none is under way. */
  async done(): Promise<void> {
    await this.#tasks.done();
  }

  /** Interrupts what is under way: the next node goes on with it. */
  async leave(): Promise<void> {
    this.#leaving.abort(new Error("The node stops"));
    await this.done();
  }

  async #upload(command: Command): Promise<void> {
    const { journal, outbox, platformStatus } = this.#parts;
    const { signal } = this.#leaving;
    const outcome = await this.#uploadInTheEnd(command, signal);
    if (outcome === undefined || signal.aborted) return;
    const statuses = outcome.type === "uploaded"
      ? platformStatus.succeeded(command)
      : platformStatus.failed(command, `The results were not uploaded: ${outcome.reason}`);
    const what = `the upload of ${nameOf(command)}`;
    const stored = await commitUntilStored(what, this.#parts, signal, () => {
      // A command has one end, which is reported once.
      if (!journal.finalized(command.id)) return [];
      return statuses.map((status) => journal.messages.post(status));
    });
    outbox.send(stored ?? []);
  }
  /** How an upload ended that is tried until it does; `undefined` when `signal` aborts before. */
  async #uploadInTheEnd(command: Command, signal: AbortSignal) {
    const { results, clock, logger } = this.#parts;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        return await results.upload(command, signal);
      } catch (error) {
        if (signal.aborted) return undefined;
        const what = `Cannot finish the upload of ${nameOf(command)}`;
        logger.error(`${what}: ${messageOf(error)}; retrying`, fieldsOf(command));
      }
      await clock.sleep(backoff(attempt, RETRY), signal).catch(() => {});
    }
  }
}
