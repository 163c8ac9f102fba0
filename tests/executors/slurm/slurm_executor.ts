/** An executor of Slurm jobs for a bench. */
import { ClusterExecutor } from "../../../src/executors/cluster/cluster_executor.ts";
import { FolderCluster } from "../../../src/executors/cluster/folder_cluster.ts";
import { Slurm } from "../../../src/executors/slurm/slurm.ts";
import { systemClock } from "../../../src/time.ts";
import { type Bench, HOST } from "../../support/executors.ts";
import type { SlurmCluster } from "../../support/slurm.ts";
import { TEMPLATES } from "../shell_commands.ts";

/** What may be different. */
interface SlurmExecutorOptions {
  readonly options?: readonly string[];
  readonly pendingTimeout?: number;
  /** Variables over those that all commands get. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Makes one. */
export function slurmExecutor(
  { workFolder, logger }: Bench,
  cluster: SlurmCluster,
  { options = [], pendingTimeout = 0, env = {} }: SlurmExecutorOptions = {},
): ClusterExecutor {
  const shared = {
    env: { PATH: Deno.env.get("PATH")!, SLURM_CONF: cluster.conf, ...env },
    workFolder,
    clock: systemClock,
  };
  return new ClusterExecutor({
    name: "slurm",
    cluster: new FolderCluster(new Slurm({ ...shared, options }), {
      ...shared,
      templates: { ...TEMPLATES, source: "eval {param:source}" },
      maxOutputFiles: 1024 ** 3,
      host: HOST,
      listMs: 200,
    }),
    pendingTimeout,
    bootId: HOST.bootId,
    clock: systemClock,
    logger,
  });
}
