/**
 * The journal: the commands the node has accepted and how they ended. Everything here is on disk when
 * the call returns, so that an effect may follow it.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { counted, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { AnsweredCommands } from "./answered.ts";
import { COLUMNS, handleColumns, toRecord } from "./command_row.ts";
import { JOURNAL_FILE } from "./database_file.ts";
import { closeDatabase, openDatabase, shrinkDatabase } from "./database.ts";
import { GroupCommit } from "./group_commit.ts";
import { LogPositions } from "./log_positions.ts";
import { isToBeSent, type Message, Messages, type Pending } from "./messages.ts";
import { resourcesJson } from "../protocol/resources.ts";
import type { CommandRecord, End, NewCommand, StopRequest, StoredHandle } from "./record.ts";
import { storedRequestId } from "./record.ts";
import { Requesters } from "./requesters.ts";
import { ResultFiles } from "./result_files.ts";
import { SmallOutputs } from "./small_outputs.ts";
import { type Row, Statements } from "./statements.ts";
import { TraceContexts } from "./trace_contexts.ts";

/** What a journal works with. */
interface JournalParts {
  /** Dates what is stored. */
  readonly clock: Clock;
  /** Where damage is reported. */
  readonly logger: Logger;
}

/** The commands this node accepted, and the messages it has to deliver. */
export class Journal implements Disposable {
  /** The messages it has to deliver. */
  readonly messages: Messages;
  /** How far the output of each command has reached the platform. */
  readonly logPositions: LogPositions;
  /** Who gets the replies to commands as well. */
  readonly requesters: Requesters;
  /** The result files that commands left. */
  readonly resultFiles: ResultFiles;
  /** The commands of which nothing is left to do, and what may be removed of them. */
  readonly answered: AnsweredCommands;
  /** What commands printed that is in no file. */
  readonly outputs: SmallOutputs;
  /** The traces that commands came with. */
  readonly traceContexts: TraceContexts;
  /** `commit()` for what nobody waits for: with the next transaction, within 20 ms. */
  readonly soon = { commit: <T>(write: () => T): Promise<T> => this.#group.commitSoon(write) };
  readonly #db: DatabaseSync;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #statements: Statements;
  readonly #group: GroupCommit;

  private constructor(db: DatabaseSync, { clock, logger }: JournalParts) {
    this.#db = db;
    this.#clock = clock;
    this.#logger = logger;
    this.#statements = new Statements(db);
    this.#group = new GroupCommit(this.#statements);
    this.messages = new Messages(this.#statements, clock);
    this.logPositions = new LogPositions(this.#statements);
    this.requesters = new Requesters(this.#statements);
    this.resultFiles = new ResultFiles(this.#statements);
    this.answered = new AnsweredCommands(this.#statements);
    this.outputs = new SmallOutputs(this.#statements);
    this.traceContexts = new TraceContexts(this.#statements);
  }

  /** Opens the journal of a state folder that this node has locked. */
  static open(folder: string, parts: JournalParts): Journal {
    return new Journal(openDatabase(`${folder}/${JOURNAL_FILE}`, parts), parts);
  }

  /** Writes what waits and closes the database. */
  [Symbol.dispose](): void {
    this.#group.flush();
    closeDatabase(this.#db);
  }

  /** Stores a command; with `handle`, also that this attempt to run it is about to start. */
  accept(command: NewCommand, handle?: StoredHandle): void {
    this.#statements.run(
      `INSERT INTO commands (id, kind, request_id, packet, workload_uuid, params, slug,
         instance_uuid, reply_topic, has_token, state, accepted_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?)`,
      command.id,
      command.kind,
      command.requestId === undefined ? null : storedRequestId(command.requestId),
      command.packet ?? null,
      command.workloadUuid ?? null,
      command.params,
      command.slug,
      command.instanceUuid,
      command.replyTopic,
      command.hasToken ? 1 : 0,
      this.#clock.now(),
    );
    if (handle !== undefined) this.start(command.id, handle);
  }

  /** Stores that an attempt to run a queued command is about to start. Throws when there is none. */
  start(id: string, handle: StoredHandle): void {
    const { changes } = this.#statements.run(
      `UPDATE commands SET state = 'running', started_at = ?, handle = ?, pid = ?, start_time = ?,
         boot_id = ? WHERE id = ?`,
      this.#clock.now(),
      ...handleColumns(handle),
      id,
    );
    if (changes === 0) throw new Error(`The journal has no command "${id}"`);
  }

  /** Stores the handle of a running command, with its process once that is known. */
  running(id: string, handle: StoredHandle): void {
    this.#statements.run(
      "UPDATE commands SET handle = ?, pid = ?, start_time = ?, boot_id = ? WHERE id = ?",
      ...handleColumns(handle),
      id,
    );
  }

  /** Puts a command whose attempt certainly never began back into the queue. */
  requeue(id: string): void {
    this.#statements.run(
      `UPDATE commands SET state = 'queued', started_at = NULL, handle = NULL, pid = NULL,
         start_time = NULL, boot_id = NULL WHERE id = ?`,
      id,
    );
  }

  /** Stores that a command is to be stopped, before anything is signalled. */
  requestStop(id: string, stop: StopRequest): void {
    this.#statements.run(
      "UPDATE commands SET stop_cause = ?, stop_signal = ?, stop_at = ? WHERE id = ?",
      stop.cause,
      stop.signal,
      stop.at,
      id,
    );
  }

  /**
   * Stores how a command ended together with the messages that report it, and returns those that are
   * to be sent. A command that is `finalizing` stays so until `finalized()`.
   */
  end(id: string, end: End, messages: readonly Message[], finalizing = false): Pending[] {
    return this.#statements.inTransaction(() => {
      // Large params are of no use any more, but would stay on disk for days.
      this.#statements.run(
        `UPDATE commands SET state = 'ended', ended_at = ?, cause = ?, exit_code = ?, signal = ?,
           oom_kill = ?, resources = ?, bytes = ?, finalizing = ?, output_sent = max(output_sent, ?), params = '' WHERE id = ?`,
        this.#clock.now(),
        end.cause,
        end.exitCode ?? null,
        end.signal ?? null,
        end.oomKill ? 1 : null,
        end.resources === undefined ? null : JSON.stringify(resourcesJson(end.resources)),
        end.bytes,
        finalizing ? 1 : 0,
        end.isSilent ? 1 : 0,
        id,
      );
      return messages.map((message) => this.messages.post(message, id)).filter(isToBeSent);
    });
  }

  /** Stores that nothing is left to do for a command. Returns whether it was finalizing. */
  finalized(id: string): boolean {
    const sql = "UPDATE commands SET finalizing = 0 WHERE id = ? AND finalizing = 1";
    return this.#statements.run(sql, id).changes > 0;
  }

  /** The ended commands for which something is left to do, oldest first. */
  finalizing(): CommandRecord[] {
    return this.#records(`SELECT ${COLUMNS} FROM commands WHERE finalizing = 1 ORDER BY seq`);
  }

  /** The newest command with this kind and request id that was accepted or ended since `since`. */
  findRequest(kind: string, requestId: string, since: number): CommandRecord | undefined {
    return this.#records(
      `SELECT ${COLUMNS} FROM commands WHERE request_id = ? AND kind = ?
         AND (state <> 'ended' OR max(accepted_at, ended_at) >= ?) ORDER BY seq DESC LIMIT 1`,
      storedRequestId(requestId),
      kind,
      since,
    ).at(0);
  }

  /** The newest command that this packet of the MQTT session brought. */
  findPacket(packet: string): CommandRecord | undefined {
    const sql = `SELECT ${COLUMNS} FROM commands WHERE packet = ? ORDER BY seq DESC LIMIT 1`;
    return this.#records(sql, packet).at(0);
  }

  /** Forgets what packets brought commands, those of a pool or others: a new session numbers its own. */
  forgetPackets(isPooled: boolean): void {
    const those = isPooled ? "packet LIKE 'pool:%'" : "packet NOT LIKE 'pool:%'";
    this.#statements.run(`UPDATE commands SET packet = NULL WHERE packet IS NOT NULL AND ${those}`);
  }

  /**
   * The command that ran a workload of the platform, or is to: one that is not over, or the newest
   * that was over since `since` and had begun, unless the platform gave it up.
   */
  findWorkload(uuid: string, since: number): (CommandRecord & { isOver: boolean }) | undefined {
    const [record] = this.#records(
      `SELECT ${COLUMNS} FROM commands
       WHERE workload_uuid = ? AND (state <> 'ended' OR finalizing = 1
         OR (ended_at >= ? AND cause NOT IN ('not_started', 'withdrawn')))
       ORDER BY state = 'ended' AND finalizing = 0, seq DESC LIMIT 1`,
      uuid,
      since,
    );
    return record &&
      { ...record, isOver: record.state === "ended" && !this.#isFinalizing(record.id) };
  }

  /** The command with this id. */
  find(id: string): CommandRecord | undefined {
    return this.#records(`SELECT ${COLUMNS} FROM commands WHERE id = ?`, id).at(0);
  }

  /** The commands that are queued or running, oldest first. */
  unfinished(): CommandRecord[] {
    return this.#records(`SELECT ${COLUMNS} FROM commands WHERE state <> 'ended' ORDER BY seq`);
  }

  /** The params of a command that has not ended, as JSON. */
  params(id: string): string {
    return this.#statements.get("SELECT params FROM commands WHERE id = ?", id)!.params as string;
  }

  /**
   * Runs `write` in one transaction with all others of this turn of the event loop, and resolves with
   * its result once that is on disk. Rejects when it is not: then nothing of it is.
   */
  commit<T>(write: () => T): Promise<T> {
    return this.#group.commit(write);
  }

  /** Gives up to `pages` unused pages of the file back. Returns whether there are more to give. */
  shrink(pages: number): boolean {
    return shrinkDatabase(this.#db, pages);
  }

  /** Stores all that `body` writes, or nothing of it when it throws. */
  atomically<T>(body: () => T): T {
    return this.#statements.atomically(body);
  }

  #isFinalizing(id: string): boolean {
    const sql = "SELECT 1 FROM commands WHERE id = ? AND finalizing = 1";
    return this.#statements.get(sql, id) !== undefined;
  }

  /** The records of a query. Rows that are damaged are set aside. */
  #records(sql: string, ...values: (string | number)[]): CommandRecord[] {
    const records: CommandRecord[] = [];
    const damaged: { row: Row; damage: string }[] = [];
    for (const row of this.#statements.allUnchecked(sql, ...values)) {
      const record = toRecord(row);
      if ("damage" in record) damaged.push({ row, damage: record.damage });
      else records.push(record);
    }
    if (damaged.length > 0) this.#setAside(damaged);
    return records;
  }

  /** Moves rows to a table of their own. Their stored replies are still delivered. */
  #setAside(damaged: readonly { row: Row; damage: string }[]): void {
    const [{ damage: example }] = damaged;
    this.#logger.error(
      `The journal has ${
        counted(damaged.length, "damaged command")
      } (${example}): set aside in its ` +
        'table "damaged", and never answered',
    );
    try {
      this.atomically(() => {
        for (const { row, damage } of damaged) {
          const [id, now] = [row.id as string, this.#clock.now()];
          const json = JSON.stringify(
            row,
            (_, value) => typeof value === "bigint" ? `${value}` : value,
          );
          this.#statements.run("INSERT INTO damaged VALUES (?, ?, ?)", now, damage, json);
          this.#statements.run("UPDATE outbox SET command_id = NULL WHERE command_id = ?", id);
          this.#statements.run("DELETE FROM commands WHERE id = ?", id);
        }
      });
    } catch (error) {
      this.#logger.error(`Cannot set them aside: ${messageOf(error)}`);
    }
  }
}
