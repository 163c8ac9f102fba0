/**
 * SQL statements, each prepared once.
 *
 * @module
 */
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";

/** A row of a result. */
export type Row = Record<string, SQLOutputValue>;

/** The largest integer that a number holds. What is damaged may be larger. */
export const MAX_INTEGER: number = Number.MAX_SAFE_INTEGER;

/** Each commit waits until the disk has it. SQLite allows no change of that in a transaction. */
const WITH_SYNC = "PRAGMA synchronous = FULL";

/** The statements of one database. */
export class Statements {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();
  /** Whether a transaction of `atomically()` is under way. */
  #isWithin = false;
  /** Whether something of the transaction could not be undone by itself. */
  #mustUndo = false;

  /** Prepares statements when they are first run. */
  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Runs a statement that changes something. */
  run(sql: string, ...values: (string | number | null | Uint8Array)[]) {
    return this.#prepare(sql).run(...values);
  }

  /** The first row of a result. */
  get(sql: string, ...values: (string | number)[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  /** All rows of a result. */
  all(sql: string, ...values: (string | number)[]): Row[] {
    return this.#prepare(sql).all(...values);
  }

  /** Makes all that `body` runs a part of the open transaction, or else one of its own. */
  inTransaction<T>(body: () => T): T {
    return this.#isWithin ? body() : this.atomically(body);
  }

  /** Makes all that `body` runs one transaction, or a part of one, which is undone when it throws. */
  atomically<T>(body: () => T): T {
    if (this.#isWithin) return this.nested(body);
    this.#undoLeftOver();
    this.run("BEGIN IMMEDIATE");
    this.#isWithin = true;
    this.#mustUndo = false;
    try {
      const result = body();
      if (this.#mustUndo) throw new Error("A part of the transaction could not be undone");
      this.run("COMMIT");
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    } finally {
      this.#isWithin = false;
    }
  }

  /** One that could not be rolled back: what is written into it would never be committed. */
  #undoLeftOver(): void {
    if (!this.#db.isTransaction) return;
    this.run("ROLLBACK");
    // It may be one of `withoutSync()`, which could not end that within it.
    this.#db.exec(WITH_SYNC);
  }

  /** A full disk makes SQLite roll back by itself. Never throws, which would hide why. */
  #rollBack(): void {
    try {
      if (this.#db.isTransaction) this.run("ROLLBACK");
    } catch {
      // The next transaction begins with it.
    }
  }

  #undoNested(): void {
    if (!this.#db.isTransaction) return;
    try {
      this.run("ROLLBACK TO nested");
      this.run("RELEASE nested");
    } catch {
      this.#mustUndo = true;
    }
  }

  /** The same for what a power cut may undo: nobody waits for the disk. */
  withoutSync<T>(body: () => T): T {
    if (this.#isWithin) return body();
    this.#undoLeftOver();
    this.#db.exec("PRAGMA synchronous = NORMAL");
    try {
      return this.atomically(body);
    } finally {
      if (!this.#db.isTransaction) this.#db.exec(WITH_SYNC);
    }
  }

  /** Whether a transaction is open, to which more may be added. */
  get isInTransaction(): boolean {
    return this.#db.isTransaction && !this.#mustUndo;
  }

  /** Makes what `body` runs a part of the open transaction that is undone by itself when it throws. */
  nested<T>(body: () => T): T {
    this.run("SAVEPOINT nested");
    try {
      const result = body();
      this.run("RELEASE nested");
      return result;
    } catch (error) {
      this.#undoNested();
      throw error;
    }
  }

  /** All rows of a result, with integers of any size: those of a damaged row may be. */
  allUnchecked(sql: string, ...values: (string | number)[]): Row[] {
    const statement = this.#prepare(sql);
    statement.setReadBigInts(true);
    return statement.all(...values);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}
