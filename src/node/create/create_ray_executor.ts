/**
 * The executor that runs the commands of a kind as Ray jobs.
 *
 * @module
 */
import type { RayProgram } from "../../config/programs/cluster_programs.ts";
import type { Settings } from "../../config/config.ts";
import { ClusterExecutor } from "../../executors/cluster/cluster_executor.ts";
import { FolderCluster } from "../../executors/cluster/folder_cluster.ts";
import { Ray } from "../../executors/ray/ray.ts";
import { addSecret, type Logger } from "../../log.ts";
import type { Host } from "../../os/processes.ts";
import type { WorkloadKind } from "../../protocol/kinds.ts";
import type { Clock } from "../../time.ts";

/** What the executor is made from. */
interface RayParts {
  readonly settings: Pick<Settings, "workFolder" | "maxOutputFiles" | "python" | "body">;
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  readonly loggerFor: (component: string) => Logger;
}

/** How old what Ray said of a job may be, in milliseconds: there is a call for each. */
const LIST_MS = 2_000;

/** Makes the executor of a kind whose commands are Ray jobs. */
export function createRayExecutor(
  kind: WorkloadKind,
  program: RayProgram,
  { settings, env, host, loggerFor }: RayParts,
  clock: Clock,
): ClusterExecutor {
  const { workFolder, maxOutputFiles, python, body } = settings;
  const token = env.RAY_AUTH_TOKEN?.trim() || undefined;
  if (token !== undefined) addSecret(token);
  const files = { env, workFolder, body, python, maxOutputFiles, host, clock };
  return new ClusterExecutor({
    name: `${kind}-ray`,
    cluster: new FolderCluster(new Ray({ ...program, token, shell: host.shell, clock }), {
      ...files,
      templates: { [kind]: program.command },
      listMs: LIST_MS,
    }),
    pendingTimeout: program.pendingTimeout,
    bootId: host.bootId,
    clock,
    logger: loggerFor("ray"),
  });
}
