/**
 * The line of the log that says how a command ended.
 *
 * @module
 */
import type { Logger } from "../log.ts";
import { type Command, fieldsOf, nameOf } from "./command.ts";
import { describeOutcome, type Outcome } from "./outcome.ts";

/** What of an end is logged. */
interface LoggedEnd {
  readonly outcome: Outcome;
  readonly pid: number | undefined;
  readonly seconds: number;
}

/** Logs how a command ended: a warning when it failed and nobody had asked for its end. */
export function logEnd(
  command: Command,
  { outcome, pid, seconds }: LoggedEnd,
  logger: Logger,
): void {
  const { cause, exitCode } = outcome.end;
  const isFine = outcome.status === "ok" || cause === "cancelled" || cause === "withdrawn";
  logger[isFine ? "info" : "warn"](
    `${nameOf(command)} ${describeOutcome(outcome)} after ${seconds.toFixed(1)} s`,
    {
      ...fieldsOf(command),
      ...(pid !== undefined && { pid }),
      ...(exitCode !== undefined && { exitCode }),
      durationSeconds: seconds,
    },
  );
}
