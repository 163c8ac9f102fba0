/**
 * What every command of the program has.
 *
 * @module
 */
import type { StopRequests } from "../os/signals.ts";
import type { Arguments, Syntax } from "./arguments.ts";

/** What carries a command out. */
interface Runnable {
  /**
   * Carries it out. `requests` are the signals that this process has received or will receive.
   * Resolves with the exit code.
   */
  run(args: Arguments, requests: StopRequests): Promise<number>;
}

/** A command of the program. */
export interface CliCommand extends Syntax {
  /** What it does, in a line. */
  readonly summary: string;
  /** What else there is to know: lines of its help. */
  readonly details: string;
  /** Loads what carries it out, and nothing that only other commands need. */
  load(): Promise<Runnable>;
}

/** The name of the program. */
export const PROGRAM = "cyberwave-cloud-node";
