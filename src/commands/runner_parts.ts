/**
 * What commands are run with, and the state of each command in hand.
 *
 * @module
 */
import type { Execution, Executor } from "../executors/executor.ts";
import type { Journal } from "../journal/journal.ts";
import type { Pending } from "../journal/messages.ts";
import type { Resources } from "../protocol/resources.ts";
import type { Logger } from "../log.ts";
import type { WorkloadFolder } from "../workloads/folder.ts";
import type { Command } from "./command.ts";
import type { PlatformStatus } from "./platform_status.ts";
import type { CommandQueue, Gpus } from "./queue.ts";
import type { ProgressParts, ProgressReport } from "./progress_report.ts";
import type { Stop } from "./stop.ts";
import type { ShowSettings } from "./show_output.ts";
import type { Uploads } from "./uploads.ts";

/** The settings that running depends on. */
interface RunSettings extends ShowSettings {
  readonly timeout: Readonly<Partial<Record<string, number>>>;
  readonly cancelGrace: Readonly<Record<string, number>>;
  readonly maxOutput: number;
}

/** What a runner works with. */
export interface CommandRunnerParts extends ProgressParts {
  readonly settings: RunSettings;
  /** The names of the commands that can be run. */
  readonly kinds: readonly string[];
  readonly journal: Journal;
  readonly queue: CommandQueue;
  readonly executors: readonly Executor[];
  /** `undefined`: commands are given none. */
  readonly gpus: Gpus | undefined;
  readonly uploads: Uploads;
  readonly outbox: { send(messages: readonly Pending[]): void };
  readonly platformStatus: PlatformStatus;
  /** Where the output of workloads is logged. The platform gets it from their files. */
  readonly outputLogger: Logger;
  folderOf(id: string): WorkloadFolder;
  /** The variables with which a command may act for the node now, and those of its trace. */
  variablesFor(commandId: string): Readonly<Record<string, string>>;
}

/** A command in hand. */
export interface Run {
  readonly command: Command;
  /** When it was started, in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly stop: Stop;
  /** Its progress. */
  readonly progress: ProgressReport;
  /** Whether an earlier node started it, and has shown and reported that. */
  readonly isResumed: boolean;
  /** The GPUs that it was given; `undefined`: it sees what is there. */
  readonly gpus?: readonly string[];
  /** What it has used, if it ended without a node. */
  readonly used?: Resources;
  /** What runs it, once something does. */
  execution?: Execution;
}
