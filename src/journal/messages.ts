/**
 * The messages that the node has to deliver. As with the rest of the journal, everything is on disk when a
 * call returns.
 *
 * @module
 */
import type { Clock } from "../time.ts";
import type { Row, Statements } from "./statements.ts";

/** The topic of replies that go nowhere: they are kept for whoever asks the node for them. */
export const NO_TOPIC = "";

/** A message to be delivered at least once. */
export interface Message {
  /** Where it goes; {@linkcode NO_TOPIC}: it is only kept, as that of a command. */
  readonly topic: string;
  /** What is sent. */
  readonly payload: Uint8Array;
  /** What an MQTT 5 requester knows it by. */
  readonly correlationData?: Uint8Array;
}

/** A message that waits for its delivery. */
export interface Pending extends Message {
  /** Its place in the order of delivery. */
  readonly seq: number;
  /** The accepted command to which it belongs, if to any. */
  readonly commandId?: string;
}

/** The reply of a command. All of its messages have the same payload. */
export const SELECT_REPLY = "SELECT payload FROM outbox WHERE command_id = ? ORDER BY seq LIMIT 1";

/** How much is read at a time. */
export interface PageLimit {
  /** At most so many messages. */
  readonly messages: number;
  /** At most so many bytes of payload, or a single message that has more. */
  readonly bytes: number;
}

/** The table of messages. */
export class Messages {
  readonly #statements: Statements;
  readonly #clock: Clock;

  /** Reads and writes the table in the journal's database. */
  constructor(statements: Statements, clock: Clock) {
    this.#statements = statements;
    this.#clock = clock;
  }

  /** Stores a message, and to which accepted command it belongs, if to any. */
  post(message: Message, commandId?: string): Pending {
    const now = this.#clock.now();
    const { lastInsertRowid } = this.#statements.run(
      `INSERT INTO outbox (command_id, topic, payload, correlation_data, created_at, delivered_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
      commandId ?? null,
      message.topic,
      message.payload,
      message.correlationData ?? null,
      now,
      isToBeSent(message) ? null : now,
    );
    const of = commandId === undefined ? {} : { commandId };
    return { seq: Number(lastInsertRowid), ...message, ...of };
  }

  /** The messages still to be delivered, oldest first, after number `after`: a page of them. */
  pending(after: number, limit: PageLimit): Pending[] {
    // Lengths first: they are known without reading the payloads.
    const rows = this.#statements.all(
      `SELECT seq, length(payload) AS bytes FROM outbox WHERE delivered_at IS NULL AND seq > ?
       ORDER BY seq LIMIT ?`,
      after,
      limit.messages,
    );
    let bytes = 0;
    const over = rows.findIndex((row) => (bytes += row.bytes as number) > limit.bytes);
    const page = over === -1 ? rows : rows.slice(0, Math.max(1, over));
    if (page.length === 0) return [];
    return this.#statements.all(
      `SELECT seq, command_id, topic, payload, correlation_data FROM outbox WHERE delivered_at IS NULL AND seq > ? AND seq <= ?
       ORDER BY seq`,
      after,
      page.at(-1)!.seq as number,
    ).map(toPending);
  }

  /** How many messages are still to be delivered. */
  pendingCount(): number {
    return this.#statements.get("SELECT count(*) AS n FROM outbox WHERE delivered_at IS NULL")!
      .n as number;
  }

  /** How many messages are still to be delivered, and when the oldest of them was stored. */
  backlog(): { readonly pending: number; readonly oldestAt: number | undefined } {
    const pending = this.pendingCount();
    const oldest = this.#statements.get(
      "SELECT created_at FROM outbox WHERE delivered_at IS NULL ORDER BY seq LIMIT 1",
    );
    return { pending, oldestAt: oldest?.created_at as number | undefined };
  }

  /** The commands of which something is still to be delivered. */
  pendingCommands(): string[] {
    return this.#statements.all(
      `SELECT DISTINCT command_id FROM outbox
       WHERE delivered_at IS NULL AND command_id IS NOT NULL`,
    ).map((row) => row.command_id as string);
  }

  /**
   * Stores that messages were delivered. Those that belong to no command are removed. After a power
   * cut some may be delivered again.
   */
  delivered(seqs: readonly number[]): void {
    const of = "seq IN (SELECT value FROM json_each(?))";
    const list = JSON.stringify(seqs);
    this.#statements.withoutSync(() => {
      this.#statements.run(`DELETE FROM outbox WHERE ${of} AND command_id IS NULL`, list);
      const now = this.#clock.now();
      this.#statements.run(`UPDATE outbox SET delivered_at = ? WHERE ${of}`, now, list);
    });
  }

  /**
   * Makes the messages of an ended command undelivered again; `undefined`: there are none, or they are
   * no longer kept.
   */
  repost(commandId: string): Pending[] | undefined {
    const sent = "command_id = ? AND topic <> ?";
    const of = [commandId, NO_TOPIC] as const;
    this.#statements.run(`UPDATE outbox SET delivered_at = NULL WHERE ${sent}`, ...of);
    const messages = this.#statements.all(
      `SELECT seq, command_id, topic, payload, correlation_data FROM outbox WHERE ${sent}
       ORDER BY seq`,
      ...of,
    ).map(toPending);
    return messages.length === 0 ? undefined : messages;
  }

  /** What a command is answered with, wherever that goes; `undefined`: it is no longer kept. */
  replyOf(commandId: string): Uint8Array | undefined {
    return this.#statements.get(SELECT_REPLY, commandId)?.payload as Uint8Array | undefined;
  }

  /** The messages of commands that were delivered before a time: the first ones, without content. */
  deliveredBefore(
    before: number,
    limit: number,
  ): { readonly seq: number; readonly bytes: number }[] {
    return this.#statements.all(
      `SELECT seq, length(payload) AS bytes FROM outbox
       WHERE command_id IS NOT NULL AND delivered_at < ? ORDER BY delivered_at, seq LIMIT ?`,
      before,
      limit,
    ).map((row) => ({ seq: row.seq as number, bytes: row.bytes as number }));
  }

  /** Removes messages. */
  remove(seqs: readonly number[]): void {
    this.#statements.withoutSync(() =>
      this.#statements.run(
        "DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?))",
        JSON.stringify(seqs),
      )
    );
  }
}

/** Whether the broker is to have a message. */
export function isToBeSent({ topic }: Message): boolean {
  return topic !== NO_TOPIC;
}

function toPending({ seq, command_id, topic, payload, correlation_data }: Row): Pending {
  return {
    seq: seq as number,
    topic: topic as string,
    payload: payload as Uint8Array,
    ...(command_id !== null && { commandId: command_id as string }),
    ...(correlation_data !== null && { correlationData: correlation_data as Uint8Array }),
  };
}
