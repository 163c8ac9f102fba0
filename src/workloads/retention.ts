/**
 * Removes what is left of old workloads: their files, their replies, in the end their records. Works
 * in pages, and lets everything else run between two of them.
 *
 * @module
 */
import * as fs from "node:fs/promises";
import { setImmediate } from "node:timers";
import { messageOf, quoted } from "../errors.ts";
import type { Cursor, EndedCommand, EndedHow } from "../journal/answered.ts";
import type { Logger } from "../log.ts";
import { type Clock, isAbort } from "../time.ts";
import { removeStrays } from "./strays.ts";

/** The commands in the journal. */
interface EndedCommands {
  endsOfLatest(how: EndedHow, rank: number, pageSize: number): Iterable<number | undefined>;
  withFiles(before: number, after: Cursor, limit: number): EndedCommand[];
  endedBefore(how: EndedHow, before: number, after: Cursor, limit: number): EndedCommand[];
  sizes(pageSize: number): Iterable<number>;
  filesRemoved(ids: readonly string[]): void;
  forget(ids: readonly string[]): void;
}

/** The journal, as far as retention uses it. */
export interface RetentionJournal {
  readonly answered: EndedCommands;
  readonly messages: {
    deliveredBefore(
      before: number,
      limit: number,
    ): { readonly seq: number; readonly bytes: number }[];
    remove(seqs: readonly number[]): void;
  };
  find(id: string): unknown;
  shrink(pages: number): boolean;
}

/** How long and how much is kept, whichever is exceeded first. */
export interface KeepLimits {
  /** What ended longer ago than this is removed, in milliseconds. */
  readonly maxAgeMs: number;
  /** How many are kept of those that ended like this: the latest. */
  readonly maxCount: Readonly<Record<EndedHow, number>>;
  /** How many bytes all files and delivered replies may take: the oldest are removed first. */
  readonly maxBytes: number;
  /** A request and its reply are remembered at least this long, in milliseconds. */
  readonly dedupeMs: number;
}

/** What retention works with. */
export interface RetentionOptions {
  readonly journal: RetentionJournal;
  readonly workloadsFolder: string;
  readonly limits: KeepLimits;
  /** How many bytes of a workload's output are still to be sent; absent when none is sent. */
  unsentBytes?(id: string): number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Lets everything else run. Default: until the next turn of the event loop. */
  pause?(): Promise<void>;
}

/** How often it looks for what may be removed. */
const INTERVAL_MS = 10 * 60 * 1000;

/** How many rows a page has. */
const PAGE = 200;

/** How many entries of an index are added up or counted at a time. */
const INDEX_PAGE = 10_000;

/** How many pages of the database are moved at a time. */
const SHRINK_PAGES = 128;

const START: Cursor = { endedAt: -Number.MAX_SAFE_INTEGER, seq: 0 };

const nextTurn = () => new Promise<void>((resolve) => setImmediate(() => resolve()));

/** Removes what may be removed, at once and every ten minutes, until `signal` aborts. */
export async function applyRetention(
  options: RetentionOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger } = options;
  try {
    while (!signal.aborted) {
      try {
        await new Retention(options, signal).run();
      } catch (error) {
        if (isAbort(error, signal)) throw error;
        logger.warn(`Cannot remove old workloads: ${messageOf(error)}; retrying later`);
      }
      await clock.sleep(INTERVAL_MS, signal);
    }
  } catch (error) {
    if (!isAbort(error, signal)) throw error;
  }
}

/** One pass over what is kept. */
class Retention {
  readonly #options: RetentionOptions;
  readonly #signal: AbortSignal;
  readonly #now: number;
  readonly #removed = { workloads: 0, records: 0, unsentBytes: 0 };
  /** The commands whose files cannot be removed, which are skipped in this pass. */
  readonly #stuck = new Set<string>();

  constructor(options: RetentionOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#now = options.clock.now();
  }

  async run(): Promise<void> {
    const { limits: { dedupeMs } } = this.#options;
    await this.#removeFiles();
    await this.#removeReplies(this.#now - dedupeMs);
    await this.#removeRecords();
    await this.#removeExcess();
    while (this.#options.journal.shrink(SHRINK_PAGES)) await this.#pause();
    await removeStrays({ ...this.#options, maxAgeMs: this.#options.limits.maxAgeMs });
    this.#report();
  }

  /** Removes the files of commands that are too old or too many. */
  async #removeFiles(): Promise<void> {
    const oldBefore = this.#now - this.#options.limits.maxAgeMs;
    const limits = {
      succeeded: await this.#countLimit("succeeded"),
      failed: await this.#countLimit("failed"),
    };
    const before = Math.max(oldBefore, limits.succeeded, limits.failed);
    const { withFiles } = this.#pages();
    await this.#forEachPage((after) => withFiles(before, after), async (page) => {
      const expired = page.filter((command) =>
        command.isAnswered && (command.endedAt < oldBefore ||
          (command.endedAt < limits[command.how] && this.#isSent(command)))
      );
      await this.#removeFilesOf(expired);
    });
  }

  /** Removes replies that were delivered before a time. */
  async #removeReplies(before: number): Promise<void> {
    const { messages } = this.#options.journal;
    for (;;) {
      const page = messages.deliveredBefore(before, PAGE);
      if (page.length === 0) return;
      messages.remove(page.map(({ seq }) => seq));
      await this.#pause();
    }
  }

  /** Forgets the commands that are too old or too many, once a repeat need not be recognised. */
  async #removeRecords(): Promise<void> {
    const { journal: { answered }, limits: { maxAgeMs, dedupeMs } } = this.#options;
    const { endedBefore } = this.#pages();
    for (const how of ["succeeded", "failed"] as const) {
      const expired = Math.max(this.#now - maxAgeMs, await this.#countLimit(how));
      const before = Math.min(expired, this.#now - dedupeMs);
      await this.#forEachPage((after) => endedBefore(how, before, after), (page) => {
        const over = page.filter(({ isAnswered, bytes }) => isAnswered && bytes === 0);
        const ids = over.map(({ id }) => id).filter((id) => !this.#stuck.has(id));
        answered.forget(ids);
        this.#removed.records += ids.length;
      });
    }
  }

  /** Removes replies and then files, the oldest first, until the rest is no more than it may be. */
  async #removeExcess(): Promise<void> {
    const { journal: { answered, messages }, limits: { maxBytes } } = this.#options;
    let excess = -maxBytes;
    for (const bytes of answered.sizes(INDEX_PAGE)) {
      excess += bytes;
      await this.#pause();
    }
    while (excess > 0) {
      const page = messages.deliveredBefore(Infinity, PAGE);
      if (page.length === 0) break;
      const oldest = upTo(page, excess);
      messages.remove(oldest.map(({ seq }) => seq));
      excess -= total(oldest);
      await this.#pause();
    }
    if (excess <= 0) return;
    const { withFiles } = this.#pages();
    await this.#forEachPage(
      (after) => excess > 0 ? withFiles(Infinity, after) : [],
      async (page) => {
        const oldest = upTo(page.filter(({ isAnswered }) => isAnswered), excess);
        excess -= await this.#removeFilesOf(oldest);
      },
    );
  }

  /** Removes the files of commands. Returns how many bytes that frees. */
  async #removeFilesOf(commands: readonly EndedCommand[]): Promise<number> {
    const { journal, workloadsFolder, logger } = this.#options;
    const unsentBytes = commands.map(({ id }) => this.#options.unsentBytes?.(id) ?? 0);
    const removed: EndedCommand[] = [];
    for (const [index, command] of commands.entries()) {
      if (await remove(`${workloadsFolder}/${command.id}`, logger)) {
        removed.push(command);
        this.#removed.unsentBytes += unsentBytes[index];
      } else {
        this.#stuck.add(command.id);
      }
    }
    journal.answered.filesRemoved(removed.map(({ id }) => id));
    this.#removed.workloads += removed.length;
    return total(removed);
  }

  /** The time before which commands that ended so are too many. */
  async #countLimit(how: EndedHow): Promise<number> {
    const { journal: { answered }, limits: { maxCount } } = this.#options;
    if (maxCount[how] === 0) return Infinity;
    let end: number | undefined;
    for (end of answered.endsOfLatest(how, maxCount[how], INDEX_PAGE)) await this.#pause();
    return end ?? -Infinity;
  }

  /** Whether the platform has got the output of a command, or never gets any. */
  #isSent({ isOutputSent }: EndedCommand): boolean {
    return isOutputSent || this.#options.unsentBytes === undefined;
  }

  #pages() {
    const { answered } = this.#options.journal;
    return {
      withFiles: (before: number, after: Cursor) => answered.withFiles(before, after, PAGE),
      endedBefore: (how: EndedHow, before: number, after: Cursor) =>
        answered.endedBefore(how, before, after, PAGE),
    };
  }

  async #forEachPage(
    read: (after: Cursor) => EndedCommand[],
    use: (page: readonly EndedCommand[]) => Promise<void> | void,
  ): Promise<void> {
    for (let page = read(START); page.length > 0; page = read(page.at(-1)!)) {
      await use(page);
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    await (this.#options.pause ?? nextTurn)();
    this.#signal.throwIfAborted();
  }

  #report(): void {
    const { logger } = this.#options;
    const { workloads, records, unsentBytes } = this.#removed;
    if (workloads > 0 || records > 0) {
      logger.info(`Removed the files of ${workloads} old workloads, forgot ${records}`);
    }
    if (unsentBytes > 0) {
      logger.warn(`[${unsentBytes} bytes of their output dropped: they were never sent]`);
    }
  }
}

/** The first of these that together reach `bytes`. */
function upTo<T extends { readonly bytes: number }>(items: readonly T[], bytes: number): T[] {
  let sum = 0;
  return items.filter((item) => {
    if (sum >= bytes) return false;
    sum += item.bytes;
    return true;
  });
}

function total(items: readonly { readonly bytes: number }[]): number {
  return items.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function remove(path: string, logger: Logger): Promise<boolean> {
  try {
    await fs.rm(path, { recursive: true, force: true });
    return true;
  } catch (error) {
    logger.warn(`Cannot remove ${quoted(path)}: ${messageOf(error)}; retrying later`);
    return false;
  }
}
