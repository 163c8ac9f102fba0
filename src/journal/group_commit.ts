/**
 * Many writes, one transaction: syncing a hundred of them takes hardly longer than syncing one.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Statements } from "./statements.ts";

interface Write {
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** How long a write may wait for others that is not urgent. */
const SOON_MS = 20;

/** Runs all writes of one turn of the event loop in one transaction, in their order. */
export class GroupCommit {
  readonly #statements: Statements;
  #writes: Write[] = [];
  #isScheduled = false;
  #soon: ReturnType<typeof setTimeout> | undefined;

  /** Commits to the database of these statements. */
  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /**
   * Runs `write` in the transaction of this turn, and resolves with its result once that is on disk.
   * Rejects when it is not: then nothing of it is. A write that throws takes no other with it, but
   * those that it has added. What is committed while a transaction is written is part of that.
   */
  commit<T>(write: () => T): Promise<T> {
    const stored = this.#add(write);
    if (!this.#isScheduled) setImmediate(() => this.flush());
    this.#isScheduled = true;
    return stored;
  }

  /** The same in the next transaction, within 20 ms: for what nobody waits for. */
  commitSoon<T>(write: () => T): Promise<T> {
    this.#soon ??= setTimeout(() => this.flush(), SOON_MS);
    return this.#add(write);
  }

  /** Writes what waits to the disk now. */
  flush(): void {
    const writes = this.#writes;
    if (writes.length > 0) this.#report(writes);
    this.#writes = [];
    this.#isScheduled = false;
    clearTimeout(this.#soon);
    this.#soon = undefined;
  }

  /** Writes them, and whatever they add, and reports the results in the same order. */
  #report(writes: readonly Write[]): void {
    const outcomes: (() => void)[] = [];
    // One alone, with what it adds, is undone as the transaction: a savepoint takes a while.
    const isOneAlone = writes.length === 1;
    try {
      this.#statements.atomically(() => {
        for (const write of writes) {
          outcomes.push(isOneAlone ? reportOf(write) : this.#runApart(write));
        }
      });
    } catch (error) {
      for (const { reject } of writes) reject(error);
      return;
    }
    for (const report of outcomes) report();
  }

  #add<T>(write: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#writes.push({ run: write, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** The same for a write that is undone by itself when it throws. */
  #runApart(write: Write): () => void {
    try {
      return this.#statements.nested(() => reportOf(write));
    } catch (error) {
      // A full disk ends the whole transaction.
      if (!this.#statements.isInTransaction) throw error;
      return () => write.reject(error);
    }
  }
}

/** Runs a write. Returns what reports its result to the caller once the transaction is committed. */
function reportOf({ run, resolve }: Write): () => void {
  const result = run();
  return () => resolve(result);
}
