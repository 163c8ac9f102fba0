/**
 * The result files of commands: which belong to whom, and how far their upload has come. As with
 * the rest of the journal, everything is on disk when a call returns.
 *
 * @module
 */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";

/** A file as it was found. */
export interface FoundFile {
  /** Its absolute path. */
  readonly path: string;
  /** How many bytes it has. */
  readonly size: number;
  /** What tells it from any other file at that path, and from itself once it is changed. */
  readonly fingerprint: string;
}

/**
 * How far a file has come: claimed, sent, acknowledged by the platform together with all others of
 * its command, then removed or, where that fails, left; or failed, which leaves it as well.
 */
export type ResultFileState =
  | "claimed"
  | "sent"
  | "acknowledged"
  | "removed"
  | "left"
  | "failed";

/** A file that belongs to a command. */
export interface ResultFile extends FoundFile {
  /** Its id at the platform. */
  readonly attachmentUuid: string;
  /** How far it has come. */
  readonly state: ResultFileState;
  /** Where it was sent to: a credential, so it is kept until the upload is finished, not longer. */
  readonly signedUrl: string | undefined;
  /** Why the upload it was part of failed. */
  readonly failure: string | undefined;
}

/** The table of result files. */
export class ResultFiles {
  readonly #db: DatabaseSync;
  readonly #atomically: (body: () => void) => void;

  /** Reads and writes the table in `db`; `atomically` makes all that its body writes one. */
  constructor(db: DatabaseSync, atomically: (body: () => void) => void) {
    this.#db = db;
    this.#atomically = atomically;
  }

  /**
   * Gives a command those of these files that no other command has, each under an id of its own.
   * A command that has files already gets no more.
   */
  claim(commandId: string, files: readonly FoundFile[]): void {
    this.#atomically(() => {
      if (this.of(commandId).length > 0) return;
      const insert = this.#db.prepare(
        `INSERT INTO result_files (command_id, path, size, fingerprint, attachment_uuid)
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (
           SELECT 1 FROM result_files WHERE path = ?2 AND fingerprint = ?4 AND state <> 'removed')`,
      );
      for (const { path, size, fingerprint } of files) {
        insert.run(commandId, path, size, fingerprint, crypto.randomUUID());
      }
    });
  }

  /** The files of a command, in the order in which they were found. */
  of(commandId: string): ResultFile[] {
    return this.#db.prepare("SELECT * FROM result_files WHERE command_id = ? ORDER BY seq")
      .all(commandId).map(toResultFile);
  }

  /** The platform's id for the work of a command. */
  workloadUuid(commandId: string): string | undefined {
    const row = this.#db.prepare("SELECT workload_uuid FROM commands WHERE id = ?").get(commandId);
    return (row?.workload_uuid ?? undefined) as string | undefined;
  }

  /** The commands whose files are not all uploaded, acknowledged and removed, oldest first. */
  unfinished(): string[] {
    return this.#db.prepare(
      `SELECT command_id FROM result_files WHERE state IN ('claimed', 'sent', 'acknowledged')
       GROUP BY command_id ORDER BY min(seq)`,
    ).all().map((row) => row.command_id as string);
  }

  /** Remembers that a file was sent. */
  sent(attachmentUuid: string, signedUrl: string): void {
    this.#db.prepare(
      "UPDATE result_files SET state = 'sent', signed_url = ? WHERE attachment_uuid = ?",
    ).run(signedUrl, attachmentUuid);
  }

  /** Remembers that the platform knows of all files of a command. */
  acknowledged(commandId: string): void {
    this.#db.prepare(
      "UPDATE result_files SET state = 'acknowledged', signed_url = NULL WHERE command_id = ?",
    ).run(commandId);
  }

  /** Remembers of files that were acknowledged which are gone and which could not be removed. */
  settled(files: readonly { attachmentUuid: string; state: "removed" | "left" }[]): void {
    const update = this.#db.prepare("UPDATE result_files SET state = ? WHERE attachment_uuid = ?");
    this.#atomically(() => {
      for (const { attachmentUuid, state } of files) update.run(state, attachmentUuid);
    });
  }

  /** Remembers that the files of a command will not be uploaded, and why. */
  failed(commandId: string, failure: string): void {
    this.#db.prepare(
      `UPDATE result_files SET state = 'failed', signed_url = NULL, failure = ?
       WHERE command_id = ?`,
    ).run(failure, commandId);
  }
}

function toResultFile(row: Record<string, SQLOutputValue>): ResultFile {
  return {
    path: row.path as string,
    size: row.size as number,
    fingerprint: row.fingerprint as string,
    attachmentUuid: row.attachment_uuid as string,
    state: row.state as ResultFileState,
    signedUrl: (row.signed_url ?? undefined) as string | undefined,
    failure: (row.failure ?? undefined) as string | undefined,
  };
}
