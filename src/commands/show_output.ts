/**
 * Shows what a workload prints in the node's own log.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import type { WorkloadFolder } from "../workloads/folder.ts";
import { mirrorOutput } from "../workloads/mirror.ts";
import { type Command, nameOf } from "./command.ts";

/** What showing output takes. */
interface ShowOutputParts {
  /** Where lines are shown. */
  readonly outputLogger: Logger;
  /** Where it is reported that they cannot be. */
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Shows the lines of a command until `ended` aborts, and then what is left. Never rejects. */
export async function showOutput(
  command: Command,
  folder: WorkloadFolder,
  onlyNew: boolean,
  { outputLogger, logger, clock }: ShowOutputParts,
  ended: AbortSignal,
): Promise<void> {
  const show = (line: string) => outputLogger.info(`[${nameOf(command)}] ${line}`);
  try {
    await mirrorOutput(folder, show, { clock, ended, onlyNew });
  } catch (error) {
    logger.warn(`Cannot show the output of ${nameOf(command)}: ${messageOf(error)}`);
  }
}
