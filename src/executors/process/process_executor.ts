/**
 * The executor that runs each command as a process of its own.
 *
 * @module
 */
import type { Logger } from "../../log.ts";
import type { Host } from "../../os/processes.ts";
import type { Clock } from "../../time.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import type { Executor, ExecutorState, Handle, Recovered, Reservation, Work } from "../executor.ts";

/** What a process executor works with. */
export interface ProcessExecutorOptions {
  /** Its name in handles. Default: `process`. */
  readonly name?: string;
  /** The templates, as configured, by the kind of command. */
  readonly templates: Readonly<Partial<Record<string, string>>>;
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  /** Where templates run. */
  readonly workFolder: string;
  readonly host: Host;
  /** How many bytes a workload may write to disk for each stream of output. Default: 1 GiB. */
  readonly maxOutputFiles?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Runs each command as a process of its own. */
export class ProcessExecutor implements Executor {
  onRoom?: () => void;

  /** Starts nothing yet. */
  constructor(_options: ProcessExecutorOptions) {
  }

  reserve(_command: Pick<Work, "id" | "kind">): Reservation | undefined {
    throw new Error("not written yet");
  }

  recover(_handle: Handle, _folder: WorkloadFolder): Promise<Recovered> {
    throw new Error("not written yet");
  }

  state(): ExecutorState {
    return "ready";
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
