/**
 * From the end of workloads to their answers: remembered together, in spite of full disks.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Journal } from "../journal/journal.ts";
import type { Pending } from "../journal/messages.ts";
import type { ProcessIdentity } from "../os/process_identity.ts";
import { untilStored } from "../journal/until_stored.ts";
import type { Logger } from "../log.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import type { Clock } from "../time.ts";
import type { Exit, WorkloadFolder } from "../workloads/folder.ts";
import { describeOutcome, type Outcome, outcomeOf } from "./outcome.ts";
import { type Accepted, nameOf, type RunningWorkload } from "../executors/process/running.ts";
import { answerWorkload } from "./reply.ts";
import type { Finalizer } from "./finalizer.ts";

/** A command and what became of it. */
export interface Ended {
  readonly command: Accepted;
  readonly outcome: Outcome;
  /** The process that ran it. */
  readonly process?: ProcessIdentity;
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
  readonly finalizer: Finalizer;
  readonly clock: Clock;
  readonly logger: Logger;
  folderOf(id: string): WorkloadFolder;
  /** Calls `answer()` for commands that ended, and does what follows. Throws what that throws. */
  settle(ended: readonly Ended[]): void;
}

/** Enough for the end of it that the platform wants to see. */
const STDERR_BYTES = 16 * 1024;

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
    const { settings, journal, replies, folderOf, finalizer } = this.#options;
    const answers = ended.map(({ command, outcome, process }) => {
      const folder = folderOf(command.id);
      const reply = answerWorkload(command, outcome, folder, settings.maxOutput);
      const end = { ...outcome.end, ...folder.usage() };
      const stderr = () => folder.excerpt("stderr", STDERR_BYTES).text;
      return {
        command,
        reply,
        end,
        finish: () => finalizer.ended(command, outcome, process, stderr),
      };
    });
    const finalizing: Accepted[] = [];
    replies.send(journal.atomically(() => {
      also();
      return answers.flatMap(({ command, reply, end, finish }) => {
        const { statuses, isFinal } = finish();
        if (!isFinal) finalizing.push(command);
        const pending = journal.end(command.id, end, [reply], !isFinal);
        return [...pending, ...statuses.map((status) => journal.messages.post(status))];
      });
    }));
    for (const command of finalizing) finalizer.begin(command);
  }

  /** Sees a workload that has ended to its answer. */
  finish(running: RunningWorkload, exit: Exit): void {
    const { command, process, stopRequest } = running;
    const timeout = this.#options.settings.timeout[command.kind];
    this.#add({ command, outcome: outcomeOf(exit, stopRequest, timeout), process, running });
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
    const store = () => this.#options.settle([ended]);
    const what = `the end of ${nameOf(ended.command)}`;
    try {
      await untilStored(what, store, this.#options, this.#leaving.signal);
      return true;
    } catch {
      return false;
    }
  }
}
