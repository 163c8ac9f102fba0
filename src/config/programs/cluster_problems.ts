/**
 * What keeps a cluster from running commands of these settings.
 *
 * @module
 */
import { ConfigError, quoted } from "../../errors.ts";
import { WORKLOAD_KINDS, type WorkloadKind } from "../../protocol/kinds.ts";
import type { Settings } from "../config.ts";

/** The folders that have to be in the volume that pods share with the node. */
const SHARED = { stateFolder: "state_folder", workFolder: "the folder of cyberwave.yml" } as const;

/** What these problems depend on. */
type ClusterSettings = Pick<Settings, WorkloadKind | keyof typeof SHARED>;

/** The folders that pods would not have. */
export function clusterProblems(settings: ClusterSettings): ConfigError[] {
  return WORKLOAD_KINDS.flatMap((kind) => {
    const program = settings[kind];
    if (program?.type !== "kubernetes") return [];
    const { mountPath } = program;
    return (["stateFolder", "workFolder"] as const).flatMap((key) => {
      const folder = settings[key];
      if (folder === mountPath || folder.startsWith(`${mountPath}/`)) return [];
      const what = `${SHARED[key]}, ${quoted(folder)}, is not in the volume at ${
        quoted(mountPath)
      }`;
      return [
        new ConfigError(`${kind} runs in pods, but ${what}`, {
          hint: "Put it there: both sides share the files of commands",
        }),
      ];
    });
  });
}
