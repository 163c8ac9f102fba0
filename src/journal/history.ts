/**
 * The journal for those who look at it from outside, whether or not a node uses it.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { messageOf } from "../errors.ts";
import { JOURNAL_FILE, openDatabaseToRead, unreadable } from "./database_file.ts";
import { COLUMNS, toRecord } from "./command_row.ts";
import { SHORT_ID_LENGTH } from "../log_line.ts";
import { SELECT_REPLY } from "./messages.ts";
import { type RecordedFile, SELECT_RESULT_FILES, toRecordedFile } from "./result_files.ts";
import { SELECT_OUTPUT, toOutput } from "./small_outputs.ts";
import { type CommandRecord, storedRequestId } from "./record.ts";

/** Which commands a page of the history has; what is left out excludes none. */
export interface HistoryFilter {
  readonly kind?: string;
  /** `succeeded`, `failed`, or how else a command ends. */
  readonly outcome?: string;
  /** A part of its id, its request id or its workload's UUID. */
  readonly text?: string;
  /** The id of a command: only those that came before it. */
  readonly before?: string;
}

/** The commands in a journal. */
export class History implements Disposable {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #columns: string;

  private constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#path = path;
    // A journal that only nodes of older versions have opened lacks what came since.
    const present = db.prepare("PRAGMA table_info(commands)").all().map(({ name }) => name);
    this.#columns = COLUMNS.split(/,\s*/)
      .map((column) => present.includes(column) ? column : `NULL AS ${column}`).join(", ");
  }

  /** Opens the journal in a state folder; `undefined` when there is none. */
  static open(stateFolder: string): History | undefined {
    const path = `${stateFolder}/${JOURNAL_FILE}`;
    const database = openDatabaseToRead(path);
    return database && new History(database, path);
  }

  /** Closes the journal. */
  [Symbol.dispose](): void {
    this.#db.close();
  }

  /** Every command that runs or waits and the latest `ended` ones that ended, oldest first. */
  list(ended: number): CommandRecord[] {
    return this.#records(
      `SELECT ${this.#columns} FROM commands WHERE state <> 'ended' OR seq IN (
         SELECT seq FROM commands WHERE state = 'ended' ORDER BY ended_at DESC LIMIT ?)
       ORDER BY seq`,
      ended,
    );
  }

  /** The commands that run, or wait: so many of them, those that came first first. */
  unfinished(state: "running" | "queued", limit: number): CommandRecord[] {
    return this.#records(
      `SELECT ${this.#columns} FROM commands WHERE state = ? AND state <> 'ended'
       ORDER BY seq LIMIT ?`,
      state,
      limit,
    );
  }

  /** One page of the commands that ended and match, those that came last first. */
  ended(
    { kind, outcome, text, before }: HistoryFilter,
    limit: number,
  ): CommandRecord[] {
    const conditions = ["state = 'ended'"];
    const values: string[] = [];
    const where = (condition: string, ...given: string[]) => {
      conditions.push(condition);
      values.push(...given);
    };
    if (kind !== undefined) where("kind = ?", kind);
    if (outcome === "succeeded") where("cause = 'exited' AND exit_code = 0");
    else if (outcome === "failed") where("cause = 'exited' AND exit_code IS NOT 0");
    else if (outcome !== undefined) where("cause = ?", outcome);
    if (text !== undefined) {
      // Request ids are stored as JSON, and matched without the quotes.
      const part = storedRequestId(text).slice(1, -1);
      where(
        "(instr(id, lower(?)) OR instr(request_id, ?) OR instr(workload_uuid, lower(?)))",
        ...[text, part, text],
      );
    }
    if (before !== undefined) where("seq < (SELECT seq FROM commands WHERE id = ?)", before);
    return this.#records(
      `SELECT ${this.#columns} FROM commands WHERE ${conditions.join(" AND ")}
       ORDER BY seq DESC LIMIT ?`,
      ...values,
      limit,
    );
  }

  /**
   * The command with this id, else the newest one with this request id, else with this short id, which
   * the log shows in brackets.
   */
  find(name: string): CommandRecord | undefined {
    return this.#records(
      `SELECT ${this.#columns} FROM commands
       WHERE id = ?1 OR request_id = ?2 OR substr(id, ?3) = ?1
       ORDER BY id = ?1 DESC, request_id IS ?2 DESC, seq DESC LIMIT 1`,
      name,
      storedRequestId(name),
      -SHORT_ID_LENGTH,
    ).at(0);
  }

  /** What a command was answered with, as JSON; `undefined`: that is not, or no longer, kept. */
  reply(id: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#db.prepare(SELECT_REPLY).get(id)?.payload as Uint8Array<ArrayBuffer> | undefined;
  }

  /** The result files of a command, in the order in which they were recorded. */
  resultFiles(id: string): RecordedFile[] {
    return this.#db.prepare(SELECT_RESULT_FILES).all(id).map(toRecordedFile);
  }

  /** What a command printed that is in no file. */
  output(id: string): ReturnType<typeof toOutput> {
    const tables = this.#db.prepare("PRAGMA table_info(small_outputs)").all();
    if (tables.length === 0) return {};
    return toOutput(this.#db.prepare(SELECT_OUTPUT).get(id));
  }

  /** The command that came last. */
  latest(): CommandRecord | undefined {
    return this.#records(`SELECT ${this.#columns} FROM commands ORDER BY seq DESC LIMIT 1`).at(0);
  }

  /** The commands whose id or request id begins so, the newest first: a few of them. */
  beginningWith(start: string): CommandRecord[] {
    return this.#records(
      `SELECT ${this.#columns} FROM commands
       WHERE substr(id, 1, length(?1)) = lower(?1) OR substr(request_id, 1, length(?2)) = ?2
       ORDER BY seq DESC LIMIT 100`,
      start,
      // As JSON, without the quote at its end.
      storedRequestId(start).slice(0, -1),
    );
  }

  /** The records of a query, without damaged rows: the node sets them aside. */
  #records(sql: string, ...values: (string | number)[]): CommandRecord[] {
    try {
      const statement = this.#db.prepare(sql);
      statement.setReadBigInts(true);
      return statement.all(...values).map(toRecord)
        .filter((record): record is CommandRecord => !("damage" in record));
    } catch (error) {
      throw unreadable(this.#path, messageOf(error));
    }
  }
}
