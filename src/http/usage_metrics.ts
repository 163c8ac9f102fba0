/**
 * What workloads have used of the machine, as Prometheus sees it.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from "prom-client";
import type { NodeEvents } from "../node/events.ts";
import type { NodeSnapshot } from "../node/snapshot.ts";
import type { Resources } from "../protocol/resources.ts";

/** The figures and their names. */
const FIGURES: Readonly<Partial<Record<keyof Resources, readonly [name: string, help: string]>>> = {
  cpuSeconds: [
    "cloud_node_workload_cpu_seconds_total",
    "CPU time of workloads that have ended",
  ],
  readBytes: [
    "cloud_node_workload_read_bytes_total",
    "Bytes that workloads that have ended have read from storage",
  ],
  writtenBytes: [
    "cloud_node_workload_written_bytes_total",
    "Bytes that workloads that have ended have written to storage",
  ],
};

/** Where these metrics come from. */
interface UsageSource {
  readonly events: Pick<NodeEvents, "on">;
  snapshot(): Pick<NodeSnapshot, "gpus" | "gpuProcesses">;
}

/** Defines them, and counts until the result is called. A figure that is not known counts nothing. */
export function defineUsageMetrics(
  registry: Registry,
  { events, snapshot }: UsageSource,
): () => void {
  new Gauge({
    name: "cloud_node_gpu_workload_memory_bytes",
    help: "Memory of a GPU that processes take, by the kind of their workload, or unknown",
    labelNames: ["gpu", "kind"],
    registers: [registry],
    collect() {
      this.reset();
      const { gpus, gpuProcesses } = snapshot();
      const numbers = new Map(gpus?.samples.map(({ uuid, index }) => [uuid, String(index)]));
      for (const { gpuUuid, workload, memoryUsedBytes } of gpuProcesses) {
        const gpu = numbers.get(gpuUuid);
        if (gpu === undefined || memoryUsedBytes === undefined) continue;
        this.inc({ gpu, kind: workload?.kind ?? "unknown" }, memoryUsedBytes);
      }
    },
  });
  const counters = Object.entries(FIGURES).map(([figure, [name, help]]) => ({
    figure: figure as keyof Resources,
    counter: new Counter({ name, help, labelNames: ["kind"], registers: [registry] }),
  }));
  return events.on("ended", ({ command: { kind }, outcome: { end: { resources } } }) => {
    for (const { figure, counter } of counters) {
      const amount = resources?.[figure];
      if (amount !== undefined) counter.inc({ kind }, amount);
    }
  });
}
