/**
 * The manifest of a Kubernetes Job: it is run once, in a pod that is not replaced.
 *
 * @module
 */
import { basename } from "node:path";
import { shellWord } from "../process/python_source.ts";
import type { Job } from "../cluster/cluster.ts";
import { JOB_FILE, JOB_LOG } from "../cluster/job_script.ts";

/** What a Job is made from, beside its command. */
export interface JobManifestOptions {
  readonly image: string;
  readonly namespace: string;
  /** The PersistentVolumeClaim of the volume that holds the folders of the node. */
  readonly volumeClaim: string;
  /** Where that volume is mounted, in the pods as on the node. */
  readonly mountPath: string;
  /** How many GPUs each pod gets. */
  readonly numGpus: number;
  /** More of the pod's specification. */
  readonly pod: Readonly<Record<string, unknown>>;
  /** The user and the group of the node, who own the files. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** Seconds between SIGTERM and SIGKILL when something else than the node ends the pod. */
  readonly grace: number;
}

/** For how long Kubernetes keeps a Job that has ended, in seconds. */
const KEPT_SECONDS = 86_400;

/** The label by which the pods of a Job are found. */
export const JOB_LABEL = "job-name";

/** The name of a Job: the command's id, and the beginning of the attempt's. */
export function jobName({ attempt, folder }: Job): string {
  return `cn-${basename(folder.path)}-${attempt.slice(0, 8)}`;
}

/**
 * What the first process of the pod runs. It passes SIGTERM on to the script and all that it runs,
 * which have a group of their own.
 */
function commandOf({ folder: { path } }: Job): string {
  const [script, log] = [JOB_FILE, JOB_LOG].map((name) => shellWord(`${path}/${name}`));
  return [
    "set -m",
    `bash ${script} >>${log} 2>&1 &`,
    `trap 'kill -s TERM -- "-$!"' TERM`,
    'while kill -s 0 "$!" 2>/dev/null; do wait "$!"; code=$?; done',
    'exit "${code:-1}"',
  ].join("\n");
}

/** The manifest. It holds nothing of the command but its id. */
export function jobManifest(job: Job, options: JobManifestOptions): Record<string, unknown> {
  const { image, namespace, volumeClaim, mountPath, numGpus, pod, user, grace } = options;
  const labels = {
    "app.kubernetes.io/managed-by": "cyberwave-cloud-node",
    "cyberwave.com/command": basename(job.folder.path),
  };
  const volumes = Array.isArray(pod.volumes) ? pod.volumes : [];
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: jobName(job), namespace, labels },
    spec: {
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      ttlSecondsAfterFinished: KEPT_SECONDS,
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: grace,
          securityContext: { runAsUser: user.uid, runAsGroup: user.gid },
          ...pod,
          restartPolicy: "Never",
          containers: [{
            name: "command",
            image,
            command: ["bash", "-c", commandOf(job)],
            volumeMounts: [{ name: "cloud-node", mountPath }],
            ...(numGpus > 0 && { resources: { limits: { "nvidia.com/gpu": numGpus } } }),
          }],
          volumes: [
            ...volumes,
            { name: "cloud-node", persistentVolumeClaim: { claimName: volumeClaim } },
          ],
        },
      },
    },
  };
}
