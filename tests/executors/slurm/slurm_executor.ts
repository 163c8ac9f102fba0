/** An executor of Slurm jobs for a bench. */
import type { ClusterExecutor } from "../../../src/executors/cluster/cluster_executor.ts";
import { Slurm } from "../../../src/executors/slurm/slurm.ts";
import { systemClock } from "../../../src/time.ts";
import type { Bench } from "../../support/executors.ts";
import type { SlurmCluster } from "../../support/slurm.ts";
import { jobExecutor } from "../job_executor.ts";

/** What may be different. */
interface SlurmExecutorOptions {
  readonly options?: readonly string[];
  readonly pendingTimeout?: number;
  /** Variables over those that all commands get. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Makes one. */
export function slurmExecutor(
  bench: Bench,
  cluster: SlurmCluster,
  { options = [], pendingTimeout = 0, env: more = {} }: SlurmExecutorOptions = {},
): ClusterExecutor {
  const env = { PATH: Deno.env.get("PATH")!, SLURM_CONF: cluster.conf, ...more };
  const { workFolder } = bench;
  const slurm = new Slurm({ env, workFolder, clock: systemClock, options });
  return jobExecutor("slurm", slurm, bench, { env, pendingTimeout });
}
