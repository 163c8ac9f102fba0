/**
 * The result files of commands: which belong to which command, and how far their upload is. As with
 * the rest of the journal, everything is on disk when a call returns.
 *
 * @module
 */
import { MAX_INTEGER, type Row, type Statements } from "./statements.ts";

/** A file that a command left. */
export interface ResultFile {
  /** Its absolute path. */
  readonly path: string;
  /** What the platform is to call it: its path relative to the results folder, with `/`. */
  readonly name: string;
  /** How many bytes it has. */
  readonly size: number;
  /** Differs from that of any other file at that path, and once the file has changed. */
  readonly fingerprint: string;
}

/**
 * How far a file is: claimed for its command, sent, acknowledged by the platform together with all
 * others of its command, then removed or, where that fails, left; or failed, which leaves it as well.
 */
type ResultFileState =
  | "claimed"
  | "sent"
  | "acknowledged"
  | "removed"
  | "left"
  | "failed";

/** A file that the journal knows. */
export interface RecordedFile extends ResultFile {
  /** Its place in the order of all files. */
  readonly seq: number;
  /** How far it is. */
  readonly state: ResultFileState;
  /** Its UUID at the platform, once it is sent. */
  readonly attachmentUuid: string | undefined;
  /** Where it was sent to: a credential, so it is kept until the upload is finished, not longer. */
  readonly signedUrl: string | undefined;
  /** Why the upload it was part of failed. */
  readonly failure: string | undefined;
}

/** Where a file was sent. */
export interface SentTo {
  /** The URL that took it. */
  readonly signedUrl: string;
  /** Its UUID at the platform. */
  readonly attachmentUuid: string;
}

/** The files of a command, in the order in which they were recorded. */
export const SELECT_RESULT_FILES = `
  SELECT seq, command_id, path, name, min(size, ${MAX_INTEGER}) AS size, fingerprint, attachment_uuid,
    state, signed_url, failure
  FROM result_files WHERE command_id = ? ORDER BY seq`;

/** The table of result files. */
export class ResultFiles {
  readonly #statements: Statements;

  /** Reads and writes the table in the journal's database. */
  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /**
   * Gives files to a command, beside those that are sent already. A file that it has, unchanged,
   * keeps its state; one that changed takes the place of what was recorded before.
   */
  record(commandId: string, files: readonly ResultFile[]): void {
    const given = new Map(files.map((file) => [file.name, file]));
    this.#statements.inTransaction(() => {
      for (const { seq, name, fingerprint, state } of this.of(commandId)) {
        const file = given.get(name);
        if (file?.fingerprint === fingerprint) {
          this.#statements.run("UPDATE result_files SET path = ? WHERE seq = ?", file.path, seq);
          given.delete(name);
        } else if (file !== undefined || state === "claimed") {
          this.#statements.run("DELETE FROM result_files WHERE seq = ?", seq);
        }
      }
      for (const { path, name, size, fingerprint } of given.values()) {
        this.#statements.run(
          `INSERT INTO result_files (command_id, path, name, size, fingerprint)
           VALUES (?, ?, ?, ?, ?)`,
          ...[commandId, path, name, size, fingerprint],
        );
      }
    });
  }

  /** The files of a command, in the order in which they were recorded. */
  of(commandId: string): RecordedFile[] {
    return this.#statements.all(SELECT_RESULT_FILES, commandId).map(toRecordedFile);
  }

  /**
   * Whether a file, as it is now, is no result to be taken for this command: because it is another's,
   * even one whose upload failed, or because it is sent.
   */
  isTaken({ path, fingerprint }: ResultFile, commandId: string): boolean {
    return this.#statements.get(
      `SELECT 1 FROM result_files WHERE path = ? AND fingerprint = ? AND state <> 'removed'
         AND NOT (command_id = ? AND state = 'claimed')`,
      path,
      fingerprint,
      commandId,
    ) !== undefined;
  }

  /** How many other commands that may leave results have run since this one, which runs, started. */
  ranBeside(commandId: string): number {
    return this.#statements.get(
      `SELECT count(*) AS n FROM commands AS this JOIN commands AS other
         ON other.workload_uuid IS NOT NULL AND other.started_at IS NOT NULL
           AND (other.state <> 'ended' OR other.ended_at > this.started_at)
       WHERE this.id = ? AND other.id <> this.id`,
      commandId,
    )!.n as number;
  }

  /** Records that a file was sent. */
  sent(seq: number, { signedUrl, attachmentUuid }: SentTo): void {
    this.#statements.run(
      `UPDATE result_files SET state = 'sent', signed_url = ?, attachment_uuid = ? WHERE seq = ?`,
      signedUrl,
      attachmentUuid,
      seq,
    );
  }

  /** Records what a file is now that was written to after it was recorded. */
  changed(seq: number, { size, fingerprint }: Pick<ResultFile, "size" | "fingerprint">): void {
    this.#statements.run(
      "UPDATE result_files SET size = ?, fingerprint = ? WHERE seq = ?",
      size,
      fingerprint,
      seq,
    );
  }

  /** Records that the platform knows of all files of a command. */
  acknowledged(commandId: string): void {
    this.#statements.run(
      "UPDATE result_files SET state = 'acknowledged', signed_url = NULL WHERE command_id = ?",
      commandId,
    );
  }

  /** Records which files are removed, and which are left where they are. */
  cleaned(files: readonly { seq: number; state: "removed" | "left" }[]): void {
    this.#statements.inTransaction(() => {
      for (const { seq, state } of files) {
        this.#statements.run(
          "UPDATE result_files SET state = ?, signed_url = NULL WHERE seq = ?",
          state,
          seq,
        );
      }
    });
  }

  /** Records that the files of a command will not be uploaded, and why. */
  failed(commandId: string, failure: string): void {
    this.#statements.run(
      `UPDATE result_files SET state = 'failed', signed_url = NULL, failure = ?
       WHERE command_id = ?`,
      failure,
      commandId,
    );
  }
}

/** A row of `SELECT_RESULT_FILES`. */
export function toRecordedFile(row: Row): RecordedFile {
  return {
    seq: row.seq as number,
    path: row.path as string,
    name: (row.name ?? nameFor(row.path as string)) as string,
    size: row.size as number,
    fingerprint: row.fingerprint as string,
    attachmentUuid: (row.attachment_uuid ?? undefined) as string | undefined,
    state: row.state as ResultFileState,
    signedUrl: (row.signed_url ?? undefined) as string | undefined,
    failure: (row.failure ?? undefined) as string | undefined,
  };
}

/** A name for a file that a version recorded which sent files under no name of their own. */
function nameFor(path: string): string {
  return path.split(/[/\\:]+/).filter((part) => part !== "").join("/");
}
