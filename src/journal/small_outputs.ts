/**
 * What commands printed that is in no file, because it is little.
 *
 * @module
 */
import type { Row, Statements } from "./statements.ts";

/** The output of one command that is in no file. A stream that is not here is in one. */
interface StoredOutput {
  readonly stdout?: Uint8Array<ArrayBuffer>;
  readonly stderr?: Uint8Array<ArrayBuffer>;
}

/** Finds the row of a command. */
export const SELECT_OUTPUT = "SELECT stdout, stderr FROM small_outputs WHERE command_id = ?";

/** What commands printed that is in no file. It goes with their files, as `bytes` counts it. */
export class SmallOutputs {
  readonly #statements: Statements;

  /** Keeps it in the journal's database. */
  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** Stores the output of a command, if there is any. */
  store(id: string, { stdout, stderr }: StoredOutput): void {
    if (stdout === undefined && stderr === undefined) return;
    this.#statements.run(
      "INSERT OR REPLACE INTO small_outputs (command_id, stdout, stderr) VALUES (?, ?, ?)",
      id,
      stdout ?? null,
      stderr ?? null,
    );
  }

  /** The output of a command. */
  of(id: string): StoredOutput {
    return toOutput(this.#statements.get(SELECT_OUTPUT, id));
  }
}

/** The output in a row, which may be damaged. */
export function toOutput(row: Row | undefined): StoredOutput {
  const { stdout, stderr } = row ?? {};
  return {
    ...(stdout instanceof Uint8Array && { stdout: stdout as Uint8Array<ArrayBuffer> }),
    ...(stderr instanceof Uint8Array && { stderr: stderr as Uint8Array<ArrayBuffer> }),
  };
}
