/**
 * Sees workloads that the platform follows to their last status, which may take an upload.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Message, Pending } from "../journal/messages.ts";
import type { ProcessIdentity } from "../os/process_identity.ts";
import type { Logger } from "../log.ts";
import { backoff, type Clock } from "../time.ts";
import type { Outcome } from "./outcome.ts";
import { type Accepted, nameOf } from "../executors/process/running.ts";
import type { Tracking } from "./platform_status.ts";

/** What brings result files to the platform. */
export interface Uploads {
  /** Gives a command that just succeeded the files in the results folder: how many those are. */
  claim(command: UploadedCommand): number;
  /** Uploads the files of a command. Asked again it gives the same outcome. */
  upload(
    command: UploadedCommand,
    signal: AbortSignal,
  ): Promise<{ readonly type: "uploaded" } | { readonly type: "failed"; readonly reason: string }>;
}

/** A command whose result files are uploaded. */
export interface UploadedCommand {
  readonly id: string;
  readonly workloadUuid: string;
}

/** What a finalizer works with. */
export interface FinalizerOptions {
  readonly tracking: Tracking;
  readonly uploads: Uploads;
  /** Whether workloads' results are uploaded: not whether those are that were claimed before. */
  readonly uploadResults: boolean;
  readonly journal: Journal;
  /** Where statuses are sent, which the journal has. */
  readonly replies: { send(messages: readonly Pending[]): void };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is to be remembered of the end of a workload, with that. */
export interface EndStatuses {
  readonly statuses: readonly Message[];
  /** Whether there is nothing more to come. */
  readonly isFinal: boolean;
}

const RETRY = { min: 2_000, max: 30_000 };

/** Sees workloads to their last status. */
export class Finalizer {
  readonly #options: FinalizerOptions;
  readonly #leaving = new AbortController();
  /** What is under way, by the commands' ids. */
  readonly #tasks = new Map<string, Promise<void>>();

  /** Makes a finalizer. */
  constructor(options: FinalizerOptions) {
    this.#options = options;
  }

  /** Decides what the platform is told of the end of a workload, and claims its result files. */
  ended(
    command: Accepted,
    outcome: Outcome,
    process: ProcessIdentity | undefined,
    stderr: () => string,
  ): EndStatuses {
    const { tracking, uploads, uploadResults } = this.#options;
    const { id, workloadUuid } = command;
    if (uploadResults && outcome.status === "ok" && workloadUuid !== undefined) {
      const count = uploads.claim({ id, workloadUuid });
      if (count > 0) return { statuses: tracking.finalizing(command, count), isFinal: false };
    }
    return { statuses: tracking.ended(command, outcome, process, stderr), isFinal: true };
  }

  /** Uploads the results of a command and tells the platform how that went, unless it does already. */
  begin(command: Accepted): void {
    const { id } = command;
    if (this.#tasks.has(id)) return;
    this.#tasks.set(id, this.#finalize(command).finally(() => this.#tasks.delete(id)));
  }

  /** Goes on with what an earlier node has not finished; what ended since then is under way. */
  resume(): void {
    for (const command of this.#options.journal.finalizing()) this.begin(command);
  }

  /** How many uploads are under way. */
  get pending(): number {
    return this.#tasks.size;
  }

  /** Resolves when none is. */
  async idle(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks.values());
  }

  /** Interrupts what is under way: the next node goes on with it. */
  async leave(): Promise<void> {
    this.#leaving.abort(new Error("The node was asked to stop"));
    await this.idle();
  }

  async #finalize(command: Accepted): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#leaving;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        return this.#conclude(command, await this.#upload(command, signal));
      } catch (error) {
        if (signal.aborted) return;
        logger.error(
          `Cannot finish the upload of ${nameOf(command)}: ${messageOf(error)}; trying until I can`,
        );
        await clock.sleep(backoff(attempt, RETRY), signal).catch(() => {});
      }
    }
  }

  /** Why the results did not arrive; `undefined`: they did. */
  async #upload({ id, workloadUuid }: Accepted, signal: AbortSignal): Promise<string | undefined> {
    const tracked = { id, workloadUuid: workloadUuid! };
    const result = await this.#options.uploads.upload(tracked, signal);
    return result.type === "uploaded" ? undefined : result.reason;
  }

  #conclude(command: Accepted, failure: string | undefined): void {
    const { tracking, journal, replies } = this.#options;
    const statuses = failure === undefined
      ? tracking.succeeded(command)
      : tracking.refused(command, `The results were not uploaded: ${failure}`);
    replies.send(journal.atomically(() => {
      // There is but one end, and it is told once.
      if (!journal.finalized(command.id)) return [];
      return statuses.map((status) => journal.messages.post(status));
    }));
  }
}
