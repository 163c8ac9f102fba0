/**
 * The journal for those who look at it from outside, whether or not a node uses it.
 *
 * @module
 */
import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { openDatabaseToRead } from "./database.ts";
import { COLUMNS, JOURNAL_FILE } from "./journal.ts";
import { type CommandRecord, storedRequestId, toRecord } from "./record.ts";

/** The commands in a journal. */
export class History implements Disposable {
  readonly #db: DatabaseSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Opens the journal in a state folder; `undefined` when there is none. */
  static open(stateFolder: string): History | undefined {
    const path = `${stateFolder}/${JOURNAL_FILE}`;
    return existsSync(path) ? new History(openDatabaseToRead(path)) : undefined;
  }

  /** Closes the journal. */
  [Symbol.dispose](): void {
    this.#db.close();
  }

  /** Every command that runs or waits and the latest `ended` ones that ended, oldest first. */
  list(ended: number): CommandRecord[] {
    return this.#db.prepare(
      `SELECT ${COLUMNS} FROM commands WHERE state <> 'ended' OR seq IN (
         SELECT seq FROM commands WHERE state = 'ended' ORDER BY ended_at DESC LIMIT ?)
       ORDER BY seq`,
    ).all(ended).map(toRecord);
  }

  /** The command with this id, else the newest one with this request id. */
  find(name: string): CommandRecord | undefined {
    const row = this.#db.prepare(
      `SELECT ${COLUMNS} FROM commands WHERE id = ?1 OR request_id = ?2
       ORDER BY id = ?1 DESC, seq DESC LIMIT 1`,
    ).get(name, storedRequestId(name));
    return row && toRecord(row);
  }
}
