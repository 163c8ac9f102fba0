/**
 * The journal: what the node has promised and what became of it. Everything here is on disk when
 * the call returns, so that an effect may follow it.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { Logger } from "../log.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import type { Clock } from "../time.ts";
import { openDatabase } from "./database.ts";
import { GroupCommit } from "./group_commit.ts";
import { LogPositions } from "./log_positions.ts";
import { type Message, Messages, type Pending } from "./messages.ts";
import type { CommandRecord, End, NewCommand, StopRequest, StoredHandle } from "./record.ts";
import { storedRequestId, toRecord } from "./record.ts";
import { ResultFiles } from "./result_files.ts";
import { Statements } from "./statements.ts";

/** The journal's file in the state folder. */
export const JOURNAL_FILE = "journal.db";

/** All columns of a command but `params`, which may be large. */
export const COLUMNS: string =
  `id, kind, request_id, workload_uuid, slug, instance_uuid, reply_topic, state,
  accepted_at, started_at, handle, pid, start_time, boot_id, stop_cause, stop_signal, stop_at, ended_at,
  cause, exit_code, signal, bytes, has_token`;

/** The commands this node accepted, and the messages it owes. */
export class Journal implements Disposable {
  /** The messages this node owes. */
  readonly messages: Messages;
  /** How far the output of each command has reached the platform. */
  readonly logPositions: LogPositions;
  /** The result files that commands left. */
  readonly resultFiles: ResultFiles;
  readonly #db: DatabaseSync;
  readonly #clock: Clock;
  readonly #statements: Statements;
  readonly #group: GroupCommit;

  private constructor(db: DatabaseSync, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#statements = new Statements(db);
    this.#group = new GroupCommit(this.#statements);
    this.messages = new Messages(this.#statements, clock);
    this.logPositions = new LogPositions(this.#statements);
    this.resultFiles = new ResultFiles(this.#statements);
  }

  /** Opens the journal of a state folder that this node has locked. */
  static open(folder: string, options: { clock: Clock; logger: Logger }): Journal {
    const { clock, logger } = options;
    return new Journal(
      openDatabase(`${folder}/${JOURNAL_FILE}`, logger, new Date(clock.now())),
      clock,
    );
  }

  /** Brings what waits to the disk and closes the database. */
  [Symbol.dispose](): void {
    this.#group.flush();
    this.#db.close();
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

  /** Stores that an attempt to run a queued command is about to start. */
  start(id: string, handle: StoredHandle): void {
    this.#statements.run(
      "UPDATE commands SET state = 'running', started_at = ? WHERE id = ?",
      this.#clock.now(),
      id,
    );
    this.running(id, handle);
  }

  /** Stores the handle of a running command, with its process once that is known. */
  running(id: string, handle: StoredHandle): void {
    this.#statements.run(
      "UPDATE commands SET handle = ?, pid = ?, start_time = ?, boot_id = ? WHERE id = ?",
      JSON.stringify(handle),
      handle.process?.pid ?? null,
      handle.process?.startTime ?? null,
      handle.bootId,
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

  /** Remembers that a command is to be stopped, before anything is signalled. */
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
   * Remembers how a command ended together with the messages that tell of it. A command that is
   * `finalizing` stays so until `finalized()`.
   */
  end(id: string, end: End, messages: readonly Message[], finalizing = false): Pending[] {
    return this.atomically(() => {
      // Large params are of no use any more, but would stay on disk for days.
      this.#statements.run(
        `UPDATE commands SET state = 'ended', ended_at = ?, cause = ?, exit_code = ?, signal = ?,
           bytes = ?, finalizing = ?, output_sent = max(output_sent, ?), params = '' WHERE id = ?`,
        this.#clock.now(),
        end.cause,
        end.exitCode ?? null,
        end.signal ?? null,
        end.bytes,
        finalizing ? 1 : 0,
        end.isSilent ? 1 : 0,
        id,
      );
      return messages.map((message) => this.messages.post(message, id));
    });
  }

  /** Remembers that nothing is left to do for a command. Tells whether it was finalizing. */
  finalized(id: string): boolean {
    const sql = "UPDATE commands SET finalizing = 0 WHERE id = ? AND finalizing = 1";
    return this.#statements.run(sql, id).changes > 0;
  }

  /** The ended commands for which something is left to do, oldest first. */
  finalizing(): CommandRecord[] {
    return this.#statements.all(`SELECT ${COLUMNS} FROM commands WHERE finalizing = 1 ORDER BY seq`)
      .map(toRecord);
  }

  /** The newest command with this kind and request id that was accepted or ended since `since`. */
  findRequest(kind: WorkloadKind, requestId: string, since: number): CommandRecord | undefined {
    const row = this.#statements.get(
      `SELECT ${COLUMNS} FROM commands WHERE request_id = ? AND kind = ?
         AND (state <> 'ended' OR max(accepted_at, ended_at) >= ?) ORDER BY seq DESC LIMIT 1`,
      storedRequestId(requestId),
      kind,
      since,
    );
    return row && toRecord(row);
  }

  /** The newest command that this packet of the MQTT session brought. */
  findPacket(packet: string): CommandRecord | undefined {
    const row = this.#statements.get(
      `SELECT ${COLUMNS} FROM commands WHERE packet = ? ORDER BY seq DESC LIMIT 1`,
      packet,
    );
    return row && toRecord(row);
  }

  /** Forgets what packets brought commands: a new session numbers its own. */
  forgetPackets(): void {
    this.#statements.run("UPDATE commands SET packet = NULL WHERE packet IS NOT NULL");
  }

  /**
   * The command that ran a workload of the platform, or is to: one that is not over, or the newest
   * that was over since `since` and had begun, unless the platform gave it up.
   */
  findWorkload(uuid: string, since: number): (CommandRecord & { isOver: boolean }) | undefined {
    const row = this.#statements.get(
      `SELECT ${COLUMNS}, state = 'ended' AND finalizing = 0 AS is_over FROM commands
       WHERE workload_uuid = ? AND (state <> 'ended' OR finalizing = 1
         OR (ended_at >= ? AND cause NOT IN ('not_started', 'withdrawn')))
       ORDER BY is_over, seq DESC LIMIT 1`,
      uuid,
      since,
    );
    return row && { ...toRecord(row), isOver: row.is_over === 1 };
  }

  /** The command with this id. */
  find(id: string): CommandRecord | undefined {
    const row = this.#statements.get(`SELECT ${COLUMNS} FROM commands WHERE id = ?`, id);
    return row && toRecord(row);
  }

  /** The commands that are queued or running, oldest first. */
  unfinished(): CommandRecord[] {
    return this.#statements.all(
      `SELECT ${COLUMNS} FROM commands WHERE state <> 'ended' ORDER BY seq`,
    ).map(toRecord);
  }

  /** The params of a command that has not ended, as JSON. */
  params(id: string): string {
    return this.#statements.get("SELECT params FROM commands WHERE id = ?", id)!.params as string;
  }

  /** The commands that were answered, their answers delivered and results uploaded, oldest first. */
  answered(): CommandRecord[] {
    return this.#statements.all(
      `SELECT ${COLUMNS} FROM commands WHERE state = 'ended' AND finalizing = 0 AND NOT EXISTS (
         SELECT 1 FROM outbox WHERE command_id = commands.id AND delivered_at IS NULL)
       AND NOT EXISTS (SELECT 1 FROM result_files
         WHERE command_id = commands.id AND state IN ('claimed', 'sent', 'acknowledged'))
       ORDER BY ended_at`,
    ).map(toRecord);
  }

  /** Remembers that the files of these commands are gone. */
  filesRemoved(ids: readonly string[]): void {
    this.atomically(() => {
      for (const id of ids) this.#statements.run("UPDATE commands SET bytes = 0 WHERE id = ?", id);
    });
  }

  /** Forgets commands and their messages. */
  forget(ids: readonly string[]): void {
    this.atomically(() => {
      for (const id of ids) this.#statements.run("DELETE FROM commands WHERE id = ?", id);
    });
  }

  /**
   * Runs `write` in one transaction with all others of this turn of the event loop, and resolves with
   * its result once that is on disk. Rejects when it is not: then nothing of it is.
   */
  commit<T>(write: () => T): Promise<T> {
    return this.#group.commit(write);
  }

  /** Remembers all that `body` does, or nothing of it when it throws. */
  atomically<T>(body: () => T): T {
    return this.#statements.atomically(body);
  }
}
