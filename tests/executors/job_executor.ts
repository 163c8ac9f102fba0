/** An executor of jobs of a cluster that shares a folder with the node, for a bench. */
import { ClusterExecutor } from "../../src/executors/cluster/cluster_executor.ts";
import { FolderCluster, type JobEngine } from "../../src/executors/cluster/folder_cluster.ts";
import { systemClock } from "../../src/time.ts";
import { type Bench, HOST } from "../support/executors.ts";
import { TEMPLATES } from "./shell_commands.ts";

/** What differs between clusters. */
interface JobExecutorOptions {
  /** What all commands get. */
  readonly env: Readonly<Record<string, string>>;
  /** Seconds for which a job may wait; 0: for ever. */
  readonly pendingTimeout: number;
  /** Where the jobs run. Default: here. */
  readonly host?: typeof HOST;
}

/** Makes one. */
export function jobExecutor(
  name: string,
  engine: JobEngine,
  { workFolder, logger }: Pick<Bench, "workFolder" | "logger">,
  { env, pendingTimeout, host = HOST }: JobExecutorOptions,
): ClusterExecutor {
  return new ClusterExecutor({
    name,
    cluster: new FolderCluster(engine, {
      templates: { ...TEMPLATES, source: "eval {param:source}" },
      env,
      workFolder,
      maxOutputFiles: 1024 ** 3,
      host,
      clock: systemClock,
      listMs: 200,
    }),
    pendingTimeout,
    bootId: HOST.bootId,
    clock: systemClock,
    logger,
  });
}
