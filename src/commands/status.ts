/**
 * The output of the `status` command. Pure.
 *
 * @module
 */
import type { ExecutorStatus } from "../executors/executor.ts";
import { isoTime } from "../time.ts";
import type { LaneState } from "./queue.ts";
import { type Resources, resourcesJson } from "../protocol/resources.ts";
import type { Progress } from "../protocol/progress.ts";

/** A workload that runs, or whose results are being sent. */
export interface WorkloadState {
  readonly id: string;
  readonly kind: string;
  readonly requestId: string | undefined;
  readonly workloadUuid: string | undefined;
  readonly pid: number | undefined;
  /** When it was started, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** The GPUs that it was given; `undefined`: it sees what is there. */
  readonly gpus?: readonly string[];
  /** What it has used so far, as far as that is known. */
  readonly resources?: Resources;
  /** Its progress, if it has reported any. */
  readonly progress?: Progress;
}

/** What a status is made from. */
export interface StatusSource {
  readonly slug: string;
  readonly uuid: string;
  readonly profileSlug: string;
  /** Which kinds of workload are configured. */
  readonly kinds: readonly string[];
  readonly running: readonly WorkloadState[];
  /** The platform's ids of the workloads whose results are being sent. */
  readonly finalizing: readonly (string | undefined)[];
  /** The state of the executor of each configured kind. */
  readonly executors: Readonly<Record<string, ExecutorStatus>>;
  readonly queued: number;
  /** The version of the program. */
  readonly version: string;
  /** When the node was started, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** Whether it takes no new commands. */
  readonly isDraining: boolean;
  /** The pool it belongs to, and whether it has room for commands of that. */
  readonly pool: { readonly name: string; readonly isMember: boolean } | undefined;
  /** How many commands of each configured kind run and wait, and how many may run. */
  readonly lanes: Readonly<
    Record<string, Pick<LaneState, "running" | "queued" | "concurrency">>
  >;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The output of a `status` command: a JSON string. */
export function statusOutput(source: StatusSource): string {
  const { slug, uuid, profileSlug, kinds, running, finalizing, executors, queued, now } = source;
  return JSON.stringify({
    slug,
    instance_uuid: uuid,
    profile_slug: profileSlug,
    has_inference: kinds.includes("inference"),
    has_training: kinds.includes("training"),
    has_simulate: kinds.includes("simulate"),
    is_busy: running.length + finalizing.length > 0,
    queued,
    version: source.version,
    started_at: isoTime(source.startedAt),
    is_draining: source.isDraining,
    pool: source.pool?.name ?? null,
    has_room: source.pool?.isMember ?? null,
    lanes: Object.fromEntries(
      Object.entries(source.lanes).map(([kind, { running, queued, concurrency }]) => [
        kind,
        { running, queued, concurrency },
      ]),
    ),
    executors: Object.fromEntries(
      Object.entries(executors).map(([kind, { state, reason }]) => [
        kind,
        { state, reason: reason ?? null },
      ]),
    ),
    active_workloads: running.map((
      { pid, kind, requestId, workloadUuid, startedAt, progress, gpus, resources },
    ) => ({
      pid: pid ?? null,
      type: kind,
      request_id: requestId ?? null,
      workload_uuid: workloadUuid ?? null,
      running_for_seconds: Math.max(0, Math.round((now - startedAt) / 100) / 10),
      ...(gpus !== undefined && { gpus }),
      ...(resources !== undefined && { resources: resourcesJson(resources) }),
      ...(progress !== undefined && { progress }),
    })),
    finalizing_workloads: finalizing.filter((workload) => workload !== undefined),
  });
}
