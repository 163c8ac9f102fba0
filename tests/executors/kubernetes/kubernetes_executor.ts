/** An executor of Kubernetes Jobs for a bench. */
import type { ClusterExecutor } from "../../../src/executors/cluster/cluster_executor.ts";
import { Kubernetes } from "../../../src/executors/kubernetes/kubernetes.ts";
import { systemClock } from "../../../src/time.ts";
import { type Bench, HOST } from "../../support/executors.ts";
import type { EmulatedKubernetes } from "../../support/kubernetes.ts";
import { jobExecutor } from "../job_executor.ts";

/** What may be different. */
interface KubernetesExecutorOptions {
  readonly pendingTimeout?: number;
  readonly namespace?: string;
}

/** Makes one. */
export function kubernetesExecutor(
  bench: Bench,
  { kubeconfig }: Pick<EmulatedKubernetes, "kubeconfig">,
  { pendingTimeout = 0, namespace = "default" }: KubernetesExecutorOptions = {},
): ClusterExecutor {
  const kubernetes = new Kubernetes({
    image: "debian",
    namespace,
    volumeClaim: "cloud-node",
    mountPath: bench.folder,
    numGpus: 0,
    pod: {},
    user: { uid: 1000, gid: 1000 },
    grace: 10,
    env: { PATH: Deno.env.get("PATH")!, KUBECONFIG: kubeconfig, HOME: bench.folder },
    clock: systemClock,
  });
  const host = { ...HOST, shell: "bash" } as const;
  const options = { env: { GIVEN: "by env" }, pendingTimeout, host };
  return jobExecutor("kubernetes", kubernetes, bench, options);
}
