/**
 * From the end of a workload to its answer: remembered together, in spite of full disks.
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
}

/** What is tried again when the disk is full waits this long in between. */
const RETRY = { min: 2_000, max: 30_000 };

/** Remembers and answers the ends of commands. */
export class Completion {
  readonly #options: CompletionOptions;
  readonly #leaving = new AbortController();
  /** What is being remembered, or shown to its end. */
  readonly #finishing = new Set<Promise<void>>();

  /** Makes a completion. */
  constructor(options: CompletionOptions) {
    this.#options = options;
  }

  /** Remembers how a command ended, with what `also` remembers, and answers it. */
  answer(command: Accepted, outcome: Outcome, also: () => void): void {
    const { settings, journal, replies, folderOf } = this.#options;
    const folder = folderOf(command.id);
    const message = answerWorkload(command, outcome, folder, settings.maxOutput);
    const end = { ...outcome.end, bytes: folder.size() };
    replies.send(journal.atomically(() => {
      also();
      return journal.end(command.id, end, [message]);
    }));
  }

  /** Sees a workload that has ended to its answer: `store` is called until it works. */
  finish(
    running: RunningWorkload,
    exit: Exit,
    store: (command: Accepted, outcome: Outcome) => void,
  ): void {
    const { settings, clock, logger } = this.#options;
    const { command, stopRequest, startedAt } = running;
    const outcome = outcomeOf(exit, stopRequest, settings.timeout[command.kind]);
    this.untilStored(`the end of ${nameOf(command)}`, () => store(command, outcome), async () => {
      const seconds = ((clock.now() - startedAt) / 1000).toFixed(1);
      await running.release();
      logger.info(`${nameOf(command)} ${describeOutcome(outcome)} after ${seconds} s`);
    });
  }

  /** Calls `store` until it works, and `then` after that. */
  untilStored(what: string, store: () => void, then: () => void | Promise<void>): void {
    const finishing = this.#store(what, store, then)
      .finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
  }

  /** Stops trying: the next node finds what is not stored by then. */
  async leave(): Promise<void> {
    this.#leaving.abort();
    await Promise.all(this.#finishing);
  }

  async #store(what: string, store: () => void, then: () => void | Promise<void>): Promise<void> {
    const { clock, logger } = this.#options;
    for (let attempt = 0;; attempt++) {
      try {
        store();
        return await then();
      } catch (error) {
        logger.error(`Cannot store ${what}: ${messageOf(error)}; trying until I can`);
      }
      try {
        await clock.sleep(backoff(attempt, RETRY), this.#leaving.signal);
      } catch {
        return;
      }
    }
  }
}
