/** An executor of Kubernetes Jobs for a bench. */
import { ClusterExecutor } from "../../../src/executors/cluster/cluster_executor.ts";
import { FolderCluster } from "../../../src/executors/cluster/folder_cluster.ts";
import { Kubernetes } from "../../../src/executors/kubernetes/kubernetes.ts";
import { systemClock } from "../../../src/time.ts";
import { type Bench, HOST } from "../../support/executors.ts";
import type { EmulatedKubernetes } from "../../support/kubernetes.ts";
import { TEMPLATES } from "../shell_commands.ts";

/** What may be different. */
interface KubernetesExecutorOptions {
  readonly pendingTimeout?: number;
  readonly namespace?: string;
}

/** Makes one. */
export function kubernetesExecutor(
  { workFolder, folder, logger }: Bench,
  { kubeconfig }: Pick<EmulatedKubernetes, "kubeconfig">,
  { pendingTimeout = 0, namespace = "default" }: KubernetesExecutorOptions = {},
): ClusterExecutor {
  const kubernetes = new Kubernetes({
    image: "debian",
    namespace,
    volumeClaim: "cloud-node",
    mountPath: folder,
    numGpus: 0,
    pod: {},
    user: { uid: 1000, gid: 1000 },
    grace: 10,
    env: { PATH: Deno.env.get("PATH")!, KUBECONFIG: kubeconfig, HOME: folder },
    clock: systemClock,
  });
  return new ClusterExecutor({
    name: "kubernetes",
    cluster: new FolderCluster(kubernetes, {
      templates: { ...TEMPLATES, source: "eval {param:source}" },
      env: { GIVEN: "by env" },
      workFolder,
      maxOutputFiles: 1024 ** 3,
      host: { ...HOST, shell: "bash" },
      clock: systemClock,
      listMs: 200,
    }),
    pendingTimeout,
    bootId: HOST.bootId,
    clock: systemClock,
    logger,
  });
}
