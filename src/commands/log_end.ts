/**
 * The line of the log that says how a command ended.
 *
 * @module
 */
import type { Logger } from "../log.ts";
import { type Command, fieldsOf, nameOf } from "./command.ts";
import { describeOutcome, type Outcome } from "./outcome.ts";

/** Of a reason so many characters are logged. */
const MAX_REASON = 500;

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
  const reason = reasonOf(outcome);
  const isFine = outcome.status === "ok" || cause === "cancelled" || cause === "withdrawn";
  logger[isFine ? "info" : "warn"](
    `${nameOf(command)} ${describeOutcome(outcome)} after ${seconds.toFixed(1)} s` +
      (reason === undefined ? "" : `: ${reason}`),
    {
      ...fieldsOf(command),
      ...(pid !== undefined && { pid }),
      ...(exitCode !== undefined && { exitCode }),
      durationSeconds: seconds,
    },
  );
}

/** Why a command failed, where nothing that it printed says so. */
function reasonOf(outcome: Outcome): string | undefined {
  if (outcome.status === "ok" || outcome.source !== "node") return undefined;
  if (!["exited", "lost", "not_started"].includes(outcome.end.cause)) return undefined;
  const reason = outcome.error.trim().replaceAll(/\s+/g, " ");
  return reason.length <= MAX_REASON ? reason : `${reason.slice(0, MAX_REASON)} ...`;
}
