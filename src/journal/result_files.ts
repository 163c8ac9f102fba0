/**
 * The result files of commands: which belong to whom, and how far their upload has come. As with
 * the rest of the journal, everything is on disk when a call returns.
 *
 * @module
 */
import type { Row, Statements } from "./statements.ts";

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
  readonly #statements: Statements;

  /** Reads and writes the table in the journal's database. */
  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /**
   * Gives a command those of these files that no other command has, each under an id of its own.
   * A command that has files already gets no more.
   */
  claim(commandId: string, files: readonly FoundFile[]): void {
    this.#statements.atomically(() => {
      if (this.of(commandId).length > 0) return;
      for (const { path, size, fingerprint } of files) {
        this.#statements.run(
          `INSERT INTO result_files (command_id, path, size, fingerprint, attachment_uuid)
           SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (
             SELECT 1 FROM result_files WHERE path = ?2 AND fingerprint = ?4 AND state <> 'removed')`,
          ...[commandId, path, size, fingerprint, crypto.randomUUID()],
        );
      }
    });
  }

  /** The files of a command, in the order in which they were found. */
  of(commandId: string): ResultFile[] {
    return this.#statements.all(
      `SELECT path, min(size, ${Number.MAX_SAFE_INTEGER}) AS size, fingerprint, attachment_uuid,
         state, signed_url, failure FROM result_files WHERE command_id = ? ORDER BY seq`,
      commandId,
    ).map(toResultFile);
  }

  /** The commands whose files are not all uploaded, acknowledged and removed, oldest first. */
  unfinished(): string[] {
    return this.#statements.all(
      `SELECT command_id FROM result_files WHERE state IN ('claimed', 'sent', 'acknowledged')
       GROUP BY command_id ORDER BY min(seq)`,
    ).map((row) => row.command_id as string);
  }

  /** Remembers that a file was sent. */
  sent(attachmentUuid: string, signedUrl: string): void {
    this.#statements.run(
      "UPDATE result_files SET state = 'sent', signed_url = ? WHERE attachment_uuid = ?",
      signedUrl,
      attachmentUuid,
    );
  }

  /** Remembers that the platform knows of all files of a command. */
  acknowledged(commandId: string): void {
    this.#statements.run(
      "UPDATE result_files SET state = 'acknowledged', signed_url = NULL WHERE command_id = ?",
      commandId,
    );
  }

  /** Remembers of files that were acknowledged which are gone and which could not be removed. */
  settled(files: readonly { attachmentUuid: string; state: "removed" | "left" }[]): void {
    this.#statements.atomically(() => {
      for (const { attachmentUuid, state } of files) {
        this.#statements.run(
          "UPDATE result_files SET state = ? WHERE attachment_uuid = ?",
          state,
          attachmentUuid,
        );
      }
    });
  }

  /** Remembers that the files of a command will not be uploaded, and why. */
  failed(commandId: string, failure: string): void {
    this.#statements.run(
      `UPDATE result_files SET state = 'failed', signed_url = NULL, failure = ?
       WHERE command_id = ?`,
      failure,
      commandId,
    );
  }
}

function toResultFile(row: Row): ResultFile {
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
