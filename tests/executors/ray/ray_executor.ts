/** An executor of Ray jobs for a bench. */
import { ClusterExecutor } from "../../../src/executors/cluster/cluster_executor.ts";
import { FolderCluster } from "../../../src/executors/cluster/folder_cluster.ts";
import { Ray } from "../../../src/executors/ray/ray.ts";
import { systemClock } from "../../../src/time.ts";
import { type Bench, HOST } from "../../support/executors.ts";
import { TEMPLATES } from "../shell_commands.ts";

/** What may be different. */
interface RayExecutorOptions {
  readonly numGpus?: number;
  readonly runtimeEnv?: Readonly<Record<string, unknown>>;
  readonly pendingTimeout?: number;
  readonly token?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Makes one of the Ray at an address. */
export function rayExecutor(
  { workFolder, logger }: Bench,
  address: string,
  { numGpus = 0, runtimeEnv = {}, pendingTimeout = 0, token, env = {} }: RayExecutorOptions = {},
): ClusterExecutor {
  const ray = { address, numGpus, runtimeEnv, token, shell: HOST.shell, clock: systemClock };
  return new ClusterExecutor({
    name: "ray",
    cluster: new FolderCluster(new Ray(ray), {
      templates: { ...TEMPLATES, source: "eval {param:source}" },
      env: { PATH: Deno.env.get("PATH")!, ...env },
      workFolder,
      maxOutputFiles: 1024 ** 3,
      host: HOST,
      clock: systemClock,
      listMs: 200,
    }),
    pendingTimeout,
    bootId: HOST.bootId,
    clock: systemClock,
    logger,
  });
}
