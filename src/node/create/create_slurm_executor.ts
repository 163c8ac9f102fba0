/**
 * The executor that runs the commands of a kind as Slurm jobs.
 *
 * @module
 */
import type { SlurmProgram } from "../../config/programs/cluster_programs.ts";
import type { Settings } from "../../config/config.ts";
import { ClusterExecutor } from "../../executors/cluster/cluster_executor.ts";
import { FolderCluster } from "../../executors/cluster/folder_cluster.ts";
import { Slurm } from "../../executors/slurm/slurm.ts";
import type { Logger } from "../../log.ts";
import type { Host } from "../../os/processes.ts";
import type { WorkloadKind } from "../../protocol/kinds.ts";
import type { Clock } from "../../time.ts";

/** What the executor is made from. */
interface SlurmParts {
  readonly settings: Pick<Settings, "workFolder" | "maxOutputFiles" | "python" | "body">;
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  readonly loggerFor: (component: string) => Logger;
}

/** Makes the executor of a kind whose commands are Slurm jobs. */
export function createSlurmExecutor(
  kind: WorkloadKind,
  { command, options, pendingTimeout }: SlurmProgram,
  { settings, env, host, loggerFor }: SlurmParts,
  clock: Clock,
): ClusterExecutor {
  const { workFolder, maxOutputFiles, python, body } = settings;
  const shared = { env, workFolder, clock };
  const files = { ...shared, templates: { [kind]: command }, body, python, maxOutputFiles, host };
  return new ClusterExecutor({
    name: `${kind}-slurm`,
    cluster: new FolderCluster(new Slurm({ ...shared, options }), files),
    pendingTimeout,
    bootId: host.bootId,
    clock,
    logger: loggerFor("slurm"),
  });
}
