/**
 * The commands of which nothing is left to do, page by page, and what may be removed of them.
 *
 * @module
 */
import { MAX_INTEGER, type Row, type Statements } from "./statements.ts";

/** Whether a command ended well. */
export type EndedHow = "succeeded" | "failed";

/** Where a page begins: after this command in the order of their ends. */
export interface Cursor {
  /** When it ended. */
  readonly endedAt: number;
  /** Its place in the order of commands. */
  readonly seq: number;
}

/** A command that has ended, as retention sees it. */
export interface EndedCommand extends Cursor {
  /** The node's own id for it. */
  readonly id: string;
  /** Whether it ended well. */
  readonly how: EndedHow;
  /** What its files take on disk; 0 once they are removed. */
  readonly bytes: number;
  /** Whether its replies are delivered and its results acknowledged. */
  readonly isAnswered: boolean;
  /** Whether the platform got its output to the end. */
  readonly isOutputSent: boolean;
}

const SUCCEEDED = "(cause IS 'exited' AND exit_code IS 0)";

const ENDED = `
  SELECT seq, id, ended_at, ${SUCCEEDED} AS succeeded, min(bytes, ${MAX_INTEGER}) AS bytes, output_sent,
    finalizing = 0
      AND NOT EXISTS (SELECT 1 FROM outbox WHERE command_id = id AND delivered_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM result_files
        WHERE command_id = id AND state IN ('claimed', 'sent', 'acknowledged')) AS answered
  FROM commands`;

/** The commands of which nothing is left to do. */
export class AnsweredCommands {
  readonly #statements: Statements;

  /** Reads and writes the journal's database. */
  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /**
   * When the command ended that is number `rank`, from the latest, of those that ended so: the last
   * that is yielded, unless there are fewer. Before it comes a time for each `pageSize` that it counts.
   */
  *endsOfLatest(how: EndedHow, rank: number, pageSize: number): Generator<number | undefined> {
    let before: readonly [number, number] = [MAX_INTEGER, MAX_INTEGER];
    for (let left = rank; left > 0; left -= pageSize) {
      const row = this.#statements.get(
        `SELECT min(ended_at, ${MAX_INTEGER}) AS ended_at, seq FROM commands
         WHERE state = 'ended' AND ${SUCCEEDED} = ? AND (commands.ended_at, seq) < (?, ?)
         ORDER BY commands.ended_at DESC, seq DESC LIMIT 1 OFFSET ?`,
        how === "succeeded" ? 1 : 0,
        ...before,
        Math.min(left, pageSize) - 1,
      );
      yield row?.ended_at as number | undefined;
      if (row === undefined) return;
      before = [row.ended_at as number, row.seq as number];
    }
  }

  /** Commands that have files and ended before a time, the oldest first. */
  withFiles(before: number, after: Cursor, limit: number): EndedCommand[] {
    return this.#statements.all(
      `${ENDED} WHERE bytes > 0 AND (ended_at, seq) > (?, ?) AND ended_at < ?
       ORDER BY ended_at, seq LIMIT ?`,
      after.endedAt,
      after.seq,
      before,
      limit,
    ).map(toEnded);
  }

  /** Commands that ended so and before a time, the oldest first. */
  endedBefore(how: EndedHow, before: number, after: Cursor, limit: number): EndedCommand[] {
    return this.#statements.all(
      `${ENDED} WHERE state = 'ended' AND ${SUCCEEDED} = ? AND (ended_at, seq) > (?, ?)
         AND ended_at < ? ORDER BY ended_at, seq LIMIT ?`,
      how === "succeeded" ? 1 : 0,
      after.endedAt,
      after.seq,
      before,
      limit,
    ).map(toEnded);
  }

  /**
   * What the files of ended commands take on disk, and what their delivered replies do: a page at a
   * time, to be added up.
   */
  *sizes(pageSize: number): Generator<number> {
    yield* this.#sizes(
      "commands WHERE bytes > 0",
      "ended_at",
      `min(bytes, ${MAX_INTEGER})`,
      pageSize,
    );
    const delivered = "outbox WHERE delivered_at IS NOT NULL AND command_id IS NOT NULL";
    yield* this.#sizes(delivered, "delivered_at", "length(payload)", pageSize);
  }

  *#sizes(rows: string, time: string, bytes: string, pageSize: number): Generator<number> {
    let from: readonly [number, number] | undefined = [-MAX_INTEGER, 0];
    while (from !== undefined) {
      const next: Row | undefined = this.#statements.get(
        `SELECT ${time} AS at, seq FROM ${rows} AND (${time}, seq) > (?, ?)
         ORDER BY ${time}, seq LIMIT 1 OFFSET ?`,
        ...from,
        pageSize - 1,
      );
      const to: readonly [number, number] = next === undefined
        ? [MAX_INTEGER, MAX_INTEGER]
        : [next.at as number, next.seq as number];
      yield this.#statements.get(
        `SELECT total(${bytes}) AS bytes FROM ${rows} AND (${time}, seq) > (?, ?)
           AND (${time}, seq) <= (?, ?)`,
        ...from,
        ...to,
      )!.bytes as number;
      from = next && to;
    }
  }

  /** Stores that the files of these commands are removed, and removes their output that is in none. */
  filesRemoved(ids: readonly string[]): void {
    this.#forEach(ids, "UPDATE commands SET bytes = 0 WHERE id = ?");
    this.#forEach(ids, "DELETE FROM small_outputs WHERE command_id = ?");
  }

  /** Forgets commands, with all that belongs to them. */
  forget(ids: readonly string[]): void {
    this.#forEach(ids, "DELETE FROM commands WHERE id = ?");
  }

  #forEach(ids: readonly string[], sql: string): void {
    this.#statements.withoutSync(() => {
      for (const id of ids) this.#statements.run(sql, id);
    });
  }
}

function toEnded(row: Row): EndedCommand {
  return {
    seq: row.seq as number,
    id: row.id as string,
    endedAt: row.ended_at as number,
    how: row.succeeded === 1 ? "succeeded" : "failed",
    bytes: row.bytes as number,
    isAnswered: row.answered === 1,
    isOutputSent: row.output_sent === 1,
  };
}
