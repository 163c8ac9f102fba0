/**
 * What runs the commands of a node.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import type { Executor } from "../executors/executor.ts";
import { ProcessExecutor } from "../executors/process/process_executor.ts";
import type { Logger } from "../log.ts";
import type { Host } from "../os/processes.ts";
import { WORKLOAD_KINDS } from "../protocol/kinds.ts";
import type { Clock } from "../time.ts";

/** What executors are made from. */
interface ExecutorsOptions {
  readonly settings: Settings;
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  readonly loggerFor: (component: string) => Logger;
}

/** Makes them, by their names. */
export function createExecutors(
  { settings, env, host, loggerFor }: ExecutorsOptions,
  clock: Clock,
): Map<string, Executor> {
  const { inference, training, simulate, body, python, concurrency } = settings;
  const atOnce = WORKLOAD_KINDS.filter((kind) => settings[kind] !== undefined)
    .reduce((sum, kind) => sum + concurrency[kind], 0);
  const process = new ProcessExecutor({
    templates: { inference, training, simulate },
    body,
    python,
    maxOutputFiles: settings.maxOutputFiles,
    // No more than may run at once, and never more than two.
    spares: { workloadsFolder: `${settings.stateFolder}/workloads`, count: Math.min(2, atOnce) },
    workFolder: settings.workFolder,
    env,
    host,
    clock,
    logger: loggerFor("workloads"),
  });
  return new Map([["process", process]]);
}
