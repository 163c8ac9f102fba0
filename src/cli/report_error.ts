/**
 * From an error to what the user reads and the process exits with.
 *
 * @module
 */
import { CloudNodeError, messageOf, MissingPermissionError } from "../errors.ts";
import { createLogger, logOptions, printable, redact } from "../log.ts";
import { withPriority } from "../log_line.ts";
import { moduleHint } from "./module_error.ts";
import { PROGRAM } from "./subcommand.ts";
import { paint, report } from "./terminal/terminal.ts";

/** Reports what was `thrown` on standard error, with a stack trace if `verbose`. Returns the exit code. */
export function failWith(thrown: unknown, { verbose }: { verbose: boolean }): number {
  // Nobody reads the output any more, as in `ps | head`: that is no failure.
  if (thrown instanceof Deno.errors.BrokenPipe) return 0;
  const error = thrown instanceof Deno.errors.NotCapable ? notAllowed(thrown) : thrown;
  const exitCode = error instanceof CloudNodeError ? error.exitCode : 1;
  const hint = hintOf(error);
  const stack = verbose && error instanceof Error ? error.stack : undefined;
  if (logOptions().format === "json") {
    const logger = createLogger("program");
    logger.error(messageOf(error), { exitCode, ...(hint !== undefined && { hint }) });
    if (stack !== undefined) logger.debug(stack);
    return exitCode;
  }
  const lines = [`${paint("red", "error:")} ${printable(redact(messageOf(error)))}`];
  if (hint !== undefined) lines.push(`${paint("cyan", "hint:")} ${printable(redact(hint))}`);
  if (stack !== undefined) lines.push(redact(stack));
  const text = lines.join("\n");
  report(logOptions().toJournal ? withPriority(text, "error") : text);
  return exitCode;
}

/** SQLite's words, and those of the operating system. */
const DISK_IS_FULL = /database or disk is full|ENOSPC|no space left on device/i;

/** What to do about an error, where that is known. */
export function hintOf(error: unknown): string | undefined {
  if (error instanceof CloudNodeError) return error.hint;
  const hint = moduleHint(error);
  if (hint !== undefined) return hint;
  return DISK_IS_FULL.test(messageOf(error))
    ? "Free some space, or name a state folder on another disk with --state-folder"
    : "This is a bug; run again with -v for the stack trace";
}

/** Deno's own words for a permission that nobody foresaw to be needed. */
function notAllowed(error: Error): CloudNodeError {
  const [what = ""] = error.message.split(", run again");
  return new MissingPermissionError(what, {
    hint: `"${PROGRAM} permissions" prints the flags that allow all it needs`,
    cause: error,
  });
}
