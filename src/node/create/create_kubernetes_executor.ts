/**
 * The executor that runs the commands of a kind as Kubernetes Jobs.
 *
 * @module
 */
import * as fs from "node:fs";
import type { KubernetesProgram } from "../../config/programs/cluster_programs.ts";
import type { Settings } from "../../config/config.ts";
import { ClusterExecutor } from "../../executors/cluster/cluster_executor.ts";
import { FolderCluster } from "../../executors/cluster/folder_cluster.ts";
import { Kubernetes } from "../../executors/kubernetes/kubernetes.ts";
import type { Logger } from "../../log.ts";
import type { Host } from "../../os/processes.ts";
import { readEnvironment } from "../../permissions.ts";
import type { WorkloadKind } from "../../protocol/kinds.ts";
import type { Clock } from "../../time.ts";

/** What the executor is made from. */
interface KubernetesParts {
  readonly settings: Pick<
    Settings,
    "stateFolder" | "workFolder" | "maxOutputFiles" | "python" | "body" | "cancelGrace" | "env"
  >;
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  readonly loggerFor: (component: string) => Logger;
}

/** Makes the executor of a kind whose commands are Kubernetes Jobs. */
export function createKubernetesExecutor(
  kind: WorkloadKind,
  program: KubernetesProgram,
  { settings, env, host, loggerFor }: KubernetesParts,
  clock: Clock,
): ClusterExecutor {
  const { stateFolder, workFolder, maxOutputFiles, python, body, cancelGrace } = settings;
  // Whose it is, is who the node is.
  const { uid, gid } = fs.statSync(stateFolder);
  const user = { uid, gid };
  const jobs = { ...program, user, grace: cancelGrace[kind], env, clock };
  const files = {
    workFolder,
    body,
    python,
    maxOutputFiles,
    host: { ...host, shell: "bash" as const },
  };
  return new ClusterExecutor({
    name: `${kind}-kubernetes`,
    cluster: new FolderCluster(new Kubernetes(jobs), {
      ...files,
      clock,
      env: givenVariables(env, settings),
      templates: { [kind]: program.command },
    }),
    pendingTimeout: program.pendingTimeout,
    bootId: host.bootId,
    clock,
    logger: loggerFor("kubernetes"),
  });
}

/** The variables that are for workloads: those of the node's own computer mean nothing in an image. */
function givenVariables(
  env: Readonly<Record<string, string>>,
  settings: Pick<Settings, "env">,
): Record<string, string> {
  const own = readEnvironment();
  return Object.fromEntries(
    Object.entries(env).filter(([name, value]) =>
      own[name] !== value || Object.hasOwn(settings.env, name) || name.startsWith("CYBERWAVE_")
    ),
  );
}
