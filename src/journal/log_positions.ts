/**
 * How far the output of each command has reached the platform.
 *
 * @module
 */
import { MAX_INTEGER, type Row, type Statements } from "./statements.ts";

/** A command that has output to be sent, or may still have. */
export interface UnsentOutput {
  /** Its place in the order of commands. */
  readonly seq: number;
  /** The node's own id for it. */
  readonly id: string;
  /** What it runs. */
  readonly kind: string;
  /** The sender's id for it. */
  readonly requestId: string | undefined;
  /** Whether it has ended, and prints no more. */
  readonly ended: boolean;
  /** How many bytes of its standard output were sent. */
  readonly stdout: number;
  /** How many bytes of its standard error were sent. */
  readonly stderr: number;
}

/** How many bytes of a command's output were sent. */
export type LogPosition = Pick<UnsentOutput, "id" | "stdout" | "stderr">;

const UNSENT = `SELECT seq, id, kind, request_id, state = 'ended' AS ended, 
     max(0, min(coalesce(stdout, 0), ${MAX_INTEGER})) AS stdout,
     max(0, min(coalesce(stderr, 0), ${MAX_INTEGER})) AS stderr
   FROM commands LEFT JOIN log_positions ON command_id = id
   WHERE output_sent = 0 AND state <> 'queued'`;

/** How far the output of each command has reached the platform. */
export class LogPositions {
  readonly #statements: Statements;

  /** Keeps it in the journal's database. */
  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** The started commands whose output was not sent to its end: oldest first, after number `after`. */
  unsent(after: number, limit: number): UnsentOutput[] {
    return this.#statements.all(`${UNSENT} AND seq > ? ORDER BY seq LIMIT ?`, after, limit)
      .map(toUnsent);
  }

  /** The command with this id, unless its output was sent to its end. */
  find(id: string): UnsentOutput | undefined {
    const row = this.#statements.get(`${UNSENT} AND id = ?`, id);
    return row && toUnsent(row);
  }

  /**
   * Stores how much was sent. Commands that are forgotten meanwhile are passed over. After a power cut
   * some of it may be sent again.
   */
  advance(positions: readonly LogPosition[]): void {
    this.#runWithoutSync(
      `INSERT INTO log_positions (command_id, stdout, stderr)
       SELECT commands.id, value ->> 'stdout', value ->> 'stderr'
         FROM json_each(?) JOIN commands ON commands.id = value ->> 'id' WHERE true
       ON CONFLICT (command_id) DO UPDATE SET stdout = excluded.stdout, stderr = excluded.stderr`,
      JSON.stringify(positions),
    );
  }

  /** Stores that the output of these commands was sent to its end. */
  finish(ids: readonly string[]): void {
    this.#runWithoutSync(
      "UPDATE commands SET output_sent = 1 WHERE id IN (SELECT value FROM json_each(?))",
      JSON.stringify(ids),
    );
  }

  /** Stores that the output of all commands started so far is not to be sent. */
  skip(): void {
    this.#statements.run(
      "UPDATE commands SET output_sent = 1 WHERE output_sent = 0 AND state <> 'queued'",
    );
  }

  #runWithoutSync(sql: string, json: string): void {
    this.#statements.withoutSync(() => this.#statements.run(sql, json));
  }
}

function toUnsent(row: Row): UnsentOutput {
  return {
    seq: row.seq as number,
    id: row.id as string,
    kind: String(row.kind),
    requestId: row.request_id === null ? undefined : JSON.parse(row.request_id as string),
    ended: row.ended === 1,
    stdout: row.stdout as number,
    stderr: row.stderr as number,
  };
}
