/**
 * The executor that hands the commands of a kind to an HTTP server.
 *
 * @module
 */
import { expandAll } from "../../config/variables.ts";
import type { ServerProgram } from "../../config/programs/workload_program.ts";
import { ServerExecutor } from "../../executors/server/server_executor.ts";
import { WarmProcess } from "../../executors/warm/warm_process.ts";
import { addSecret } from "../../log.ts";
import type { WorkloadKind } from "../../protocol/kinds.ts";
import type { Clock } from "../../time.ts";
import type { WarmOptions } from "./warm_options.ts";
import { unsetWarning } from "../workload_environment.ts";

/** Makes the executor, which starts the server. */
export function createServerExecutor(
  kind: WorkloadKind,
  program: ServerProgram,
  { settings, env, host, gpus: source, loggerFor }: WarmOptions,
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
