/**
 * The view of a snapshot that `status` of the command line shows.
 *
 * @module
 */
import type { NodeSnapshot } from "./snapshot.ts";
import { isoTime } from "../time.ts";

/** The status of a node as JSON. */
export function localStatus(snapshot: NodeSnapshot): Record<string, unknown> {
  const { identity, connection, lanes, workloads, finalizing, outbox, lastHeartbeat } = snapshot;
  const { executors } = snapshot;
  return {
    node_pid: Deno.pid,
    slug: identity?.slug ?? null,
    uuid: identity?.uuid ?? null,
    started_at: isoTime(snapshot.startedAt),
    broker: {
      url: connection.url,
      is_connected: connection.isConnected,
      since: isoTime(connection.since),
    },
    last_heartbeat: isoTime(lastHeartbeat),
    is_draining: snapshot.isDraining,
    lanes: Object.entries(lanes).map(([kind, lane]) => ({
      kind,
      running: lane.running,
      concurrency: lane.concurrency,
      queued: lane.queued,
      max_queued: lane.maxQueued,
      state: executors[kind]?.state ?? null,
      reason: executors[kind]?.reason ?? null,
    })),
    workloads: workloads.map(({ id, kind, requestId, pid, startedAt }) => ({
      id,
      kind,
      request_id: requestId ?? null,
      pid: pid ?? null,
      started_at: isoTime(startedAt),
    })),
    finalizing: finalizing.length,
    undelivered: { count: outbox.pending, oldest_at: isoTime(outbox.oldestAt) },
  };
}
