/**
 * The executor that hands the commands of a kind to an HTTP server.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import { expandAll } from "../config/variables.ts";
import type { ServerProgram } from "../config/workload_program.ts";
import { ServerExecutor } from "../executors/server/server_executor.ts";
import type { GpuSource } from "../executors/warm/gpu_share.ts";
import { WarmProcess } from "../executors/warm/warm_process.ts";
import { addSecret, type Logger } from "../log.ts";
import type { Host } from "../os/processes.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import type { Clock } from "../time.ts";
import { unsetWarning } from "./workload_environment.ts";

/** What it is made from. */
interface ServerOptions {
  readonly settings: Pick<Settings, "stateFolder" | "workFolder" | "maxOutputFiles" | "gpusPer">;
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  /** The GPUs to give. Default: it sees what is there. */
  readonly gpus?: GpuSource;
  readonly loggerFor: (component: string) => Logger;
}

/** Makes it; the server is started with it. */
export function createServerExecutor(
  kind: WorkloadKind,
  program: ServerProgram,
  { settings, env, host, gpus: source, loggerFor }: ServerOptions,
  clock: Clock,
): ServerExecutor {
  const name = `${kind}-server`;
  const logger = loggerFor("server");
  const { command } = program;
  const { stateFolder, workFolder, maxOutputFiles } = settings;
  const { variables, unset } = expandAll(program.headers, env);
  const given = Object.entries(variables).map(([header, value = ""]) => [header, value] as const);
  for (const [, value] of given) addSecret(value);
  const headers = Object.fromEntries(given);
  if (unset.length > 0) logger.warn(`${kind}: ${unsetWarning("headers", unset)}`);
  const shared = { host, clock, logger };
  const process = command === undefined ? undefined : new WarmProcess({
    ...program,
    ...shared,
    name,
    command,
    loadedFolder: `${stateFolder}/loaded`,
    workFolder,
    env,
    maxOutputFiles,
    gpus: source && { source, count: settings.gpusPer[kind] },
  });
  return new ServerExecutor({ ...shared, name, program, headers, process });
}
