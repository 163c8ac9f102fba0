/**
 * Shows what a workload prints in the node's own log, and how far it is.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import type { WorkloadFolder } from "../workloads/folder.ts";
import { mirrorOutput } from "../workloads/mirror.ts";
import { type Command, nameOf } from "./command.ts";
import type { ProgressReport } from "./progress_report.ts";

/** A command that runs. */
interface RunningCommand {
  readonly command: Command;
  /** Whether an earlier node has shown what is there. */
  readonly isResumed: boolean;
  readonly stop: { readonly over: AbortSignal };
  readonly progress: ProgressReport;
}

/** What showing output takes. */
interface ShowOutputParts {
  /** Where lines are shown. */
  readonly outputLogger: Logger;
  /** Where it is reported that they cannot be. */
  readonly logger: Logger;
  readonly clock: Clock;
  folderOf(id: string): WorkloadFolder;
}

/**
 * Shows the lines of a command and reports its progress while it runs, and then what is left. Never
 * rejects.
 */
export async function showOutput(
  { command, stop: { over: ended }, isResumed: onlyNew, progress }: RunningCommand,
  { outputLogger, logger, clock, folderOf }: ShowOutputParts,
): Promise<void> {
  const show = (line: string) => outputLogger.info(`[${nameOf(command)}] ${line}`);
  const onLook = () => progress.look();
  try {
    await mirrorOutput(folderOf(command.id), show, { clock, ended, onlyNew, onLook });
  } catch (error) {
    logger.warn(`Cannot show the output of ${nameOf(command)}: ${messageOf(error)}`);
  } finally {
    progress.end();
  }
}
