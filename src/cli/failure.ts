/**
 * From an error to what the user reads and the process exits with.
 *
 * @module
 */
import { CloudNodeError, messageOf } from "../errors.ts";
import { printable, redact } from "../log.ts";
import { paint, tell } from "./terminal.ts";

/** Tells of `error` on standard error, with a stack trace if `verbose`. Returns the exit code. */
export function failWith(error: unknown, { verbose }: { verbose: boolean }): number {
  // Nobody reads the output any more, as in `ps | head`: that is no failure.
  if (error instanceof Deno.errors.BrokenPipe) return 0;
  const expected = error instanceof CloudNodeError;
  tell(`${paint("red", "error:")} ${printable(redact(messageOf(error)))}`);
  const hint = expected ? error.hint : "This is a bug; run again with -v for the stack trace";
  if (hint !== undefined) tell(`${paint("cyan", "hint:")} ${printable(redact(hint))}`);
  if (verbose && error instanceof Error) tell(redact(error.stack ?? ""));
  return expected ? error.exitCode : 1;
}
