/**
 * The view of a snapshot that `status` of the command line shows.
 *
 * @module
 */
import manifest from "../../deno.json" with { type: "json" };
import type { GpuSample } from "../gpu/nvidia_smi.ts";
import type { NodeSnapshot } from "./snapshot.ts";
import { resourcesJson } from "../protocol/resources.ts";
import { isoTime } from "../time.ts";

/** The status of a node as JSON. */
export function localStatus(snapshot: NodeSnapshot): Record<string, unknown> {
  const { identity, connection, lanes, workloads, finalizing, outbox, lastHeartbeat } = snapshot;
  const { executors, gpuPool } = snapshot;
  return {
    node_pid: Deno.pid,
    version: manifest.version,
    slug: identity?.slug ?? null,
    uuid: identity?.uuid ?? null,
    started_at: isoTime(snapshot.startedAt),
    broker: {
      url: connection.url,
      is_connected: connection.isConnected,
      since: isoTime(connection.since),
    },
    last_heartbeat: isoTime(lastHeartbeat),
    pool: snapshot.pool === undefined
      ? null
      : { name: snapshot.pool.name, has_room: snapshot.pool.isMember },
    is_draining: snapshot.isDraining,
    is_stopping: snapshot.isStopping,
    lanes: Object.entries(lanes).map(([kind, lane]) => ({
      kind,
      running: lane.running,
      concurrency: lane.concurrency,
      queued: lane.queued,
      max_queued: lane.maxQueued,
      state: executors[kind]?.state ?? null,
      reason: executors[kind]?.reason ?? null,
    })),
    workloads: workloads.map((
      { id, kind, requestId, pid, startedAt, gpus, progress, resources },
    ) => ({
      id,
      kind,
      request_id: requestId ?? null,
      pid: pid ?? null,
      gpus: gpus ?? null,
      started_at: isoTime(startedAt),
      progress: progress ?? null,
      resources: resourcesJson(resources) ?? null,
    })),
    finalizing: finalizing.length,
    undelivered: { count: outbox.pending, oldest_at: isoTime(outbox.oldestAt) },
    given_gpus: gpuPool?.map(({ name, holders }) => ({ name, holders })) ?? null,
    gpus: snapshot.gpus?.samples.map((sample) => gpuJson(sample, snapshot.gpuProcesses)) ?? null,
  };
}

function gpuJson(
  sample: GpuSample,
  processes: NodeSnapshot["gpuProcesses"],
): Record<string, unknown> {
  return {
    index: sample.index,
    name: sample.name,
    utilization: sample.utilization ?? null,
    memory_used_bytes: sample.memoryUsedBytes ?? null,
    memory_total_bytes: sample.memoryTotalBytes ?? null,
    power_watts: sample.powerWatts ?? null,
    temperature_celsius: sample.temperatureCelsius ?? null,
    processes: processes.filter(({ gpuUuid }) => gpuUuid === sample.uuid).map((process) => ({
      pid: process.pid,
      workload: process.workload?.id ?? "unknown",
      memory_used_bytes: process.memoryUsedBytes ?? null,
    })),
  };
}
