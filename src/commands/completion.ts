/**
 * From the end of workloads to their answers: remembered together, in spite of full disks.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Journal, Pending } from "../journal/journal.ts";
import type { Logger } from "../log.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import { backoff, type Clock } from "../time.ts";
import type { Exit, WorkloadFolder } from "../workload/folder.ts";
import { describeOutcome, type Outcome, outcomeOf } from "../workload/outcome.ts";
import { type Accepted, nameOf, type RunningWorkload } from "../workload/running.ts";
import { answerWorkload } from "./answers.ts";

/** A command and what became of it. */
export interface Ended {
  readonly command: Accepted;
  readonly outcome: Outcome;
}

/** What completion works with. */
export interface CompletionOptions {
  readonly settings: {
    readonly timeout: Readonly<Partial<Record<WorkloadKind, number>>>;
    readonly maxOutput: number;
  };
  readonly journal: Journal;
  /** Where answers are sent, which the journal has. */
  readonly replies: { send(messages: readonly Pending[]): void };
  readonly clock: Clock;
  readonly logger: Logger;
  folderOf(id: string): WorkloadFolder;
  /** Calls `answer()` for commands that ended, and does what follows. Throws what that throws. */
  settle(ended: readonly Ended[]): void;
}

/** What is tried again when the disk is full waits this long in between. */
const RETRY = { min: 2_000, max: 30_000 };

/** Remembers and answers the ends of commands. */
export class Completion {
  readonly #options: CompletionOptions;
  readonly #leaving = new AbortController();
  /** Those that are remembered together, which takes hardly longer than remembering one. */
  #ended: (Ended & { readonly running?: RunningWorkload })[] = [];
  /** What is tried again, or shown to its end. */
  readonly #finishing = new Set<Promise<void>>();

  /** Makes a completion. */
  constructor(options: CompletionOptions) {
    this.#options = options;
  }

  /** Remembers how commands ended, with what `also` remembers, and answers them. */
  answer(ended: readonly Ended[], also: () => void): void {
    const { settings, journal, replies, folderOf } = this.#options;
    const answers = ended.map(({ command, outcome }) => {
      const folder = folderOf(command.id);
      const message = answerWorkload(command, outcome, folder, settings.maxOutput);
      return { id: command.id, end: { ...outcome.end, bytes: folder.size() }, message };
    });
    replies.send(journal.atomically(() => {
      also();
      return answers.flatMap(({ id, end, message }) => journal.end(id, end, [message]));
    }));
  }

  /** Sees a workload that has ended to its answer. */
  finish(running: RunningWorkload, exit: Exit): void {
    const { command, stopRequest } = running;
    const timeout = this.#options.settings.timeout[command.kind];
    this.#add({ command, outcome: outcomeOf(exit, stopRequest, timeout), running });
  }

  /** Sees a command that never ran to its answer. */
  refuse(command: Accepted, outcome: Outcome): void {
    this.#add({ command, outcome });
  }

  /** Stops trying: the next node finds what is not stored by then. */
  async leave(): Promise<void> {
    this.#settle();
    this.#leaving.abort();
    await Promise.all(this.#finishing);
  }

  #add(ended: Ended & { readonly running?: RunningWorkload }): void {
    if (this.#ended.push(ended) === 1) setImmediate(() => this.#settle());
  }

  #settle(): void {
    const ended = this.#ended;
    if (ended.length === 0) return;
    this.#ended = [];
    let isStored = true;
    try {
      this.#options.settle(ended);
    } catch {
      isStored = false;
    }
    for (const each of ended) {
      const finishing = this.#finish(each, isStored)
        .finally(() => this.#finishing.delete(finishing));
      this.#finishing.add(finishing);
    }
  }

  async #finish(
    ended: Ended & { readonly running?: RunningWorkload },
    isStored: boolean,
  ): Promise<void> {
    const { clock, logger } = this.#options;
    const { command, outcome, running } = ended;
    if (!isStored && !await this.#store(ended)) return;
    if (running === undefined) return;
    const seconds = ((clock.now() - running.startedAt) / 1000).toFixed(1);
    await running.release();
    logger.info(`${nameOf(command)} ${describeOutcome(outcome)} after ${seconds} s`);
  }

  /** Tries to store an end by itself until it works: one that cannot be must not hold up others. */
  async #store(ended: Ended): Promise<boolean> {
    const { clock, logger, settle } = this.#options;
    for (let attempt = 0;; attempt++) {
      try {
        settle([ended]);
        return true;
      } catch (error) {
        const what = `the end of ${nameOf(ended.command)}`;
        logger.error(`Cannot store ${what}: ${messageOf(error)}; trying until I can`);
      }
      try {
        await clock.sleep(backoff(attempt, RETRY), this.#leaving.signal);
      } catch {
        return false;
      }
    }
  }
}
