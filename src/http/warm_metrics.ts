/**
 * Metrics of workers and servers, by the kind of command they run.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from "prom-client";
import type { ExecutorState } from "../executors/executor.ts";
import type { NodeEvents } from "../node/events.ts";
import type { NodeSnapshot } from "../node/snapshot.ts";
import type { Clock } from "../time.ts";

/** Where these metrics come from. */
interface WarmMetricsSource {
  readonly events: Pick<NodeEvents, "on">;
  readonly clock: Pick<Clock, "monotonic">;
  snapshot(): NodeSnapshot;
}

/** Every state, so that one that is left has the value 0. */
const STATES: readonly ExecutorState[] = [
  ...["starting", "ready", "busy", "unhealthy", "yielding"] as const,
  ...["restarting", "failed", "stopped"] as const,
];

/** Defines them, and counts until the result is called. */
export function defineWarmMetrics(
  registry: Registry,
  { events, clock, snapshot }: WarmMetricsSource,
): () => void {
  /** When each began to load, by a monotonic clock; the first load begins with the node. */
  const loadingSince = new Map<string, number | undefined>();
  const startedAt = clock.monotonic();
  new Gauge({
    name: "cloud_node_warm_state",
    help: "1 for the state of a kind's worker or server, 0 for all others",
    labelNames: ["lane", "state"],
    registers: [registry],
    collect() {
      for (const [lane, now] of Object.entries(snapshot().executors)) {
        // A process for each command is always ready, and reports nothing.
        if (now.state === "ready" && !loadingSince.has(lane)) continue;
        for (const state of STATES) this.set({ lane, state }, Number(state === now.state));
      }
    },
  });
  const restarts = new Counter({
    name: "cloud_node_warm_restarts_total",
    help: "How often a kind's worker or server was restarted",
    labelNames: ["lane"],
    registers: [registry],
  });
  const loadSeconds = new Gauge({
    name: "cloud_node_warm_load_seconds",
    help: "How long the last load took, from the start until it was ready",
    labelNames: ["lane"],
    registers: [registry],
  });
  return events.on("executor", ({ kind: lane, state }) => {
    const now = clock.monotonic();
    const since = loadingSince.has(lane) ? loadingSince.get(lane) : startedAt;
    if (state === "restarting") restarts.inc({ lane });
    if (state === "ready" && since !== undefined) loadSeconds.set({ lane }, (now - since) / 1000);
    const isLoading = state === "starting" || state === "restarting";
    loadingSince.set(lane, isLoading ? since ?? now : undefined);
  });
}
