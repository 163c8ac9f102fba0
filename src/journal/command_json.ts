/**
 * Commands as JSON, as `ps --json` and the HTTP interface show them.
 *
 * @module
 */
import type { Progress } from "../protocol/progress.ts";
import { type Resources, resourcesJson } from "../protocol/resources.ts";
import type { CommandRecord } from "./record.ts";
import { isoTime } from "../time.ts";

/**
 * A command as JSON. Times are in ISO 8601, and what is not known is `null`. `used` is what one that
 * runs has used so far.
 */
export function commandJson(
  record: CommandRecord,
  progress: Progress | undefined,
  used?: Resources,
): Record<string, unknown> {
  const { end } = record;
  return {
    id: record.id,
    kind: record.kind,
    request_id: record.requestId ?? null,
    workload_uuid: record.workloadUuid ?? null,
    state: record.state,
    pid: record.handle?.process?.pid ?? null,
    gpus: record.handle?.gpus ?? null,
    accepted_at: isoTime(record.acceptedAt),
    started_at: isoTime(record.startedAt),
    ended_at: isoTime(record.endedAt),
    progress: progress ?? null,
    cause: end?.cause ?? null,
    exit_code: end?.exitCode ?? null,
    signal: end?.signal ?? null,
    oom_kill: end?.oomKill ?? null,
    resources: resourcesJson(end?.resources ?? used) ?? null,
  };
}
