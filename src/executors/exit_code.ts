/**
 * What exit codes mean, as far as shells agree on it. Pure.
 *
 * @module
 */

/** A shell adds this to the number of the signal that ended a program. */
const SIGNALLED = 128;

/** The exit code that a shell gives a program that SIGKILL has ended. */
export const SIGKILL_CODE = SIGNALLED + 9;

/** The signals with the same number everywhere, but for SIGBUS, which is that of Linux. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
};

/** What often is behind one of them. */
const REASONS: Readonly<Record<string, string>> = {
  SIGKILL: ", often out of memory",
  SIGSEGV: ", a crash",
  SIGABRT: ", a crash",
  SIGBUS: ", often out of shared memory",
};

/** What is known of an end by SIGKILL when the kernel has killed a process for lack of memory. */
const OOM_KILL = "killed by SIGKILL; the kernel killed a process for lack of memory meanwhile";

/**
 * What an exit code says of itself; `undefined`: only whoever wrote the program knows. `oomKill`:
 * whether the kernel killed a process for lack of memory while the program ran.
 */
export function exitCodeMeaning(code: number, oomKill = false): string | undefined {
  if (code === SIGKILL_CODE && oomKill) return OOM_KILL;
  if (code === 126) return "the program cannot be executed";
  if (code === 127) return "command not found";
  const signal = SIGNALS[code - SIGNALLED];
  return signal && `killed by ${signal}${REASONS[signal] ?? ""}`;
}
