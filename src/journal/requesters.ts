/**
 * Who waits for the reply to a command on a topic of their own.
 *
 * @module
 */
import type { Message } from "./messages.ts";
import type { Row, Statements } from "./statements.ts";

/** Where a reply goes beside the topic of the node, and what the requester knows it by. */
export type Requester = Pick<Message, "topic" | "correlationData">;

/** More for one command are nobody who asks again, but somebody who fills the disk. */
const MAX_PER_COMMAND = 16;

/** The table of requesters. */
export class Requesters {
  readonly #statements: Statements;

  /** Reads and writes the table in the journal's database. */
  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Stores who is to get the reply to a command as well. Of many the latest are kept. */
  add(commandId: string, { topic, correlationData }: Requester): void {
    const row = [commandId, topic, correlationData ?? null] as const;
    this.#statements.run(
      "DELETE FROM requesters WHERE command_id = ? AND topic = ? AND correlation_data IS ?",
      ...row,
    );
    this.#statements.run(
      "INSERT INTO requesters (command_id, topic, correlation_data) VALUES (?, ?, ?)",
      ...row,
    );
    this.#statements.run(
      `DELETE FROM requesters WHERE command_id = ?1 AND seq NOT IN (
         SELECT seq FROM requesters WHERE command_id = ?1 ORDER BY seq DESC LIMIT ?2)`,
      commandId,
      MAX_PER_COMMAND,
    );
  }

  /** Those of a command, the earliest first. */
  of(commandId: string): Requester[] {
    const sql = "SELECT topic, correlation_data FROM requesters WHERE command_id = ? ORDER BY seq";
    return this.#statements.all(sql, commandId).map(toRequester);
  }
}

function toRequester({ topic, correlation_data }: Row): Requester {
  return {
    topic: topic as string,
    ...(correlation_data !== null && { correlationData: correlation_data as Uint8Array }),
  };
}
