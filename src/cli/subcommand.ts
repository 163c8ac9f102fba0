/**
 * What every command of the program has.
 *
 * @module
 */
import type { Arguments, Syntax } from "./arguments.ts";

/** A command of the program. */
export interface CliCommand extends Syntax {
  /** What it does, in a line. */
  readonly summary: string;
  /** What else there is to know: lines of its help. */
  readonly details: string;
  /** Runs it. Resolves with the exit code. */
  run(args: Arguments): Promise<number>;
}

/** The name of the program. */
export const PROGRAM = "cyberwave-cloud-node";
