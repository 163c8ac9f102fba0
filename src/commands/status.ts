/**
 * The `status` command.
 *
 * @module
 */
import type { RunningWorkload } from "../executors/process/running.ts";

/** What a status tells of. */
export interface StatusSource {
  readonly slug: string;
  readonly uuid: string;
  readonly profileSlug: string;
  readonly inference?: string;
  readonly training?: string;
  readonly simulate?: string;
  readonly running: readonly RunningWorkload[];
  readonly queued: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The output of a `status` command: a JSON string. */
export function statusOutput(source: StatusSource): string {
  return JSON.stringify({
    slug: source.slug,
    instance_uuid: source.uuid,
    profile_slug: source.profileSlug,
    has_inference: source.inference !== undefined,
    has_training: source.training !== undefined,
    has_simulate: source.simulate !== undefined,
    is_busy: source.running.length > 0,
    queued: source.queued,
    active_workloads: source.running.map(({ command, process, startedAt }) => ({
      pid: process.pid,
      type: command.kind,
      request_id: command.requestId ?? null,
      workload_uuid: command.workloadUuid ?? null,
      running_for_seconds: Math.max(0, Math.round((source.now - startedAt) / 100) / 10),
    })),
  });
}
