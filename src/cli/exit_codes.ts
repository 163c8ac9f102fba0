/**
 * How the program exits. Errors bring their own code; see `errors.ts`.
 *
 * @module
 */

/** The exit code of `start --once`, `run` and `dev --once` when the command failed. */
export const COMMAND_FAILED = 10;

/** Every exit code, and what it means. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, "done, or stopped on request"],
  [1, "something unexpected, such as no answer from the broker"],
  [2, "the command line or the configuration is wrong"],
  [3, "there is no API token, or it was rejected"],
  [4, "the install script failed"],
  [5, "another node uses the state folder"],
  [COMMAND_FAILED, "the command failed (start --once, run, dev --once)"],
];
