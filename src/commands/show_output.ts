/**
 * Shows the output of a workload in the node's own log, and reports its progress.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Execution } from "../executors/executor.ts";
import type { JobOutput, Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { WorkloadFolder } from "../workloads/folder.ts";
import { mirrorOutput } from "../workloads/mirror.ts";
import { type Command, fieldsOf, nameOf } from "./command.ts";
import type { ProgressReport } from "./progress_report.ts";

/** The settings that showing output depends on. */
export interface ShowSettings {
  readonly logJobOutput: JobOutput;
}

/** A command that runs. */
interface RunningCommand {
  readonly command: Command;
  /** Whether an earlier node has shown what is there. */
  readonly isResumed: boolean;
  readonly stop: { readonly over: AbortSignal };
  readonly progress: ProgressReport;
  readonly execution?: Pick<Execution, "output">;
}

/** What output is shown with. */
interface ShowOutputParts {
  readonly settings: ShowSettings;
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
  { command, stop: { over: ended }, isResumed: onlyNew, progress, execution }: RunningCommand,
  { settings, outputLogger, logger, clock, folderOf }: ShowOutputParts,
): Promise<void> {
  const fields = fieldsOf(command);
  const show = (line: string) => outputLogger.info(line, fields);
  const onLook = () => progress.look();
  const options = { clock, ended, onlyNew, onLook, jobOutput: settings.logJobOutput };
  const folder = new WorkloadFolder(folderOf(command.id).path, execution?.output);
  try {
    await mirrorOutput(folder, show, options);
  } catch (error) {
    logger.warn(`Cannot show the output of ${nameOf(command)}: ${messageOf(error)}`, fields);
  } finally {
    progress.end();
  }
}
