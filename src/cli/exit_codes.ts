/**
 * How the program exits. Errors bring their own code; see `errors.ts`.
 *
 * @module
 */

/** The exit code of `start --once`, `run` and `dev --once` when the command failed. */
export const COMMAND_FAILED = 10;

/** The exit code of `validate` when the configuration is wrong. */
export const CONFIG_WRONG = 2;

/** The exit code of `doctor` when something is wrong. */
export const CHECK_FAILED = 1;

/**
 * The exit code of `start --once` when it has answered no command: none came in time, or it was stopped
 * before. Batch systems stop jobs when they need their place, and take 0 for done; this is "try again" in
 * sysexits.h.
 */
export const NOTHING_ANSWERED = 75;

/** The exit code of `run` when Ctrl-C ended it: that of SIGINT in a shell. */
export const INTERRUPTED = 130;

/** Every exit code, and what it means. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, "done, or stopped on request"],
  [
    CHECK_FAILED,
    "something unexpected, such as no answer from the broker, or a failed check of doctor",
  ],
  [CONFIG_WRONG, "the command line or the configuration is wrong"],
  [3, "there is no API token, or it was refused and never accepted before"],
  [4, "the install script failed"],
  [5, "another node uses the state folder"],
  [COMMAND_FAILED, "the command failed (start --once, run, dev --once)"],
  [
    NOTHING_ANSWERED,
    "no command was answered: none came in time, or it was stopped (start --once)",
  ],
  [INTERRUPTED, "interrupted by Ctrl-C (run)"],
];
