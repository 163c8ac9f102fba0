/**
 * What the workloads of a node are doing, as Prometheus sees it.
 *
 * @module
 */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { END_CAUSES } from "../journal/record.ts";
import type { NodeEventMap, NodeEvents } from "../node/events.ts";
import type { NodeSnapshot } from "../node/snapshot.ts";

/** Upper bounds in seconds, from the fastest command to the longest training: 5 ms to 12 h. */
const SECONDS = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  ...[5 * 60, 15 * 60, 3600, 4 * 3600, 12 * 3600],
];

/** Where these metrics come from. */
interface WorkloadsSource {
  readonly events: Pick<NodeEvents, "on">;
  snapshot(): Pick<NodeSnapshot, "lanes">;
}

type Outcome = NodeEventMap["ended"]["outcome"];

/** All that `outcomeLabel` returns. */
const OUTCOMES = ["succeeded", "failed", ...END_CAUSES.filter((cause) => cause !== "exited")];

/** How a command ended, as a label: `succeeded`, `failed`, or why else it ended. */
function outcomeLabel({ status, end }: Outcome): string {
  if (status === "ok") return "succeeded";
  return end.cause === "exited" ? "failed" : end.cause;
}

/**
 * Defines them, and counts until the result is called. Each count is there from the start, with 0:
 * Prometheus sees no increase in one that appears with 1.
 */
export function defineWorkloadMetrics(registry: Registry, source: WorkloadsSource): () => void {
  const registers = [registry];
  const started = new Counter({
    name: "cloud_node_workloads_started_total",
    help: "Workloads started since the node started",
    labelNames: ["kind"],
    registers,
  });
  const ended = new Counter({
    name: "cloud_node_workloads_ended_total",
    help: "Workloads ended since the node started, by how they ended",
    labelNames: ["kind", "outcome"],
    registers,
  });
  const histogram = (name: string, help: string) =>
    new Histogram({ name, help, labelNames: ["kind"], buckets: SECONDS, registers });
  const duration = histogram("cloud_node_workload_duration_seconds", "How long workloads ran");
  const queued = histogram(
    "cloud_node_workload_queue_seconds",
    "How long commands waited for their turn",
  );
  for (const kind of Object.keys(source.snapshot().lanes)) {
    started.inc({ kind }, 0);
    for (const outcome of OUTCOMES) ended.inc({ kind, outcome }, 0);
    duration.zero({ kind });
    queued.zero({ kind });
  }
  const stopStarted = source.events.on("started", ({ command: { kind }, queuedSeconds }) => {
    started.inc({ kind });
    queued.observe({ kind }, queuedSeconds);
  });
  const stopEnded = source.events.on("ended", ({ command: { kind }, outcome, seconds }) => {
    ended.inc({ kind, outcome: outcomeLabel(outcome) });
    duration.observe({ kind }, seconds);
  });
  defineLanes(registry, source);
  return () => {
    stopStarted();
    stopEnded();
  };
}

type Lane = NodeSnapshot["lanes"][string];

/** How full the lane of each kind is. */
const LANES: readonly (readonly [name: string, help: string, figure: (lane: Lane) => number])[] = [
  ["cloud_node_workloads_running", "Workloads that run", ({ running }) => running],
  ["cloud_node_workloads_queued", "Commands that wait for their turn", ({ queued }) => queued],
  ["cloud_node_slots", "How many may run at once", ({ concurrency }) => concurrency],
];

function defineLanes(registry: Registry, { snapshot }: WorkloadsSource): void {
  for (const [name, help, figure] of LANES) {
    new Gauge({
      name,
      help,
      labelNames: ["kind"],
      registers: [registry],
      collect() {
        this.reset();
        for (const [kind, lane] of Object.entries(snapshot().lanes)) {
          this.set({ kind }, figure(lane));
        }
      },
    });
  }
}
