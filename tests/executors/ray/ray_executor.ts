/** An executor of Ray jobs for a bench. */
import type { ClusterExecutor } from "../../../src/executors/cluster/cluster_executor.ts";
import { Ray } from "../../../src/executors/ray/ray.ts";
import { systemClock } from "../../../src/time.ts";
import { type Bench, HOST } from "../../support/executors.ts";
import { jobExecutor } from "../job_executor.ts";

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
  bench: Bench,
  address: string,
  { numGpus = 0, runtimeEnv = {}, pendingTimeout = 0, token, env = {} }: RayExecutorOptions = {},
): ClusterExecutor {
  const ray = { address, numGpus, runtimeEnv, token, shell: HOST.shell, clock: systemClock };
  const shown = { PATH: Deno.env.get("PATH")!, ...env };
  return jobExecutor("ray", new Ray(ray), bench, { env: shown, pendingTimeout });
}
