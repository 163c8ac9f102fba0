/**
 * The node as Prometheus sees it: figures of a snapshot, and counts of events since the start.
 *
 * @module
 */
import manifest from "../../deno.json" with { type: "json" };
import { cpuUsage } from "node:process";
import { Counter, Gauge, Registry } from "prom-client";
import type { GpuSample } from "../gpu/nvidia_smi.ts";
import type { NodeEventMap, NodeEventName, NodeEvents } from "../node/events.ts";
import type { NodeSnapshot } from "../node/snapshot.ts";
import type { Clock } from "../time.ts";
import { defineUsageMetrics } from "./usage_metrics.ts";
import { defineWarmMetrics } from "./warm_metrics.ts";
import { defineWorkloadMetrics } from "./workload_metrics.ts";

/** Where metrics come from. */
export interface MetricsSource {
  readonly events: Pick<NodeEvents, "on">;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  snapshot(): NodeSnapshot;
  /** How many bytes the journal takes on disk. */
  journalBytes(): number;
}

/** The metrics of a node. Counts from when it is made until it is disposed. */
export class Metrics implements Disposable {
  readonly #registry = new Registry();
  readonly #source: MetricsSource;
  readonly #listeners: (() => void)[] = [];
  /** The snapshot that one scrape shows, so that its figures belong together. */
  #snapshot: NodeSnapshot;

  /** Starts counting. */
  constructor(source: MetricsSource) {
    this.#source = source;
    this.#snapshot = source.snapshot();
    this.#defineConnection();
    this.#defineNode();
    this.#defineGpus();
    const shown = { events: source.events, snapshot: () => this.#snapshot };
    this.#listeners.push(defineWorkloadMetrics(this.#registry, shown));
    this.#listeners.push(defineWarmMetrics(this.#registry, source));
    this.#listeners.push(defineUsageMetrics(this.#registry, source));
  }

  /** All metrics in Prometheus's text format. */
  async text(): Promise<string> {
    this.#snapshot = this.#source.snapshot();
    return await this.#registry.metrics();
  }

  /** What `text()` is, for the Content-Type header. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Stops counting. */
  [Symbol.dispose](): void {
    for (const stop of this.#listeners) stop();
  }

  #defineConnection(): void {
    this.#gauge(
      "cloud_node_mqtt_connected",
      "Whether the broker is connected",
      () => Number(this.#snapshot.connection.isConnected),
    );
    const reconnects = this.#counter(
      "cloud_node_mqtt_reconnects_total",
      "Connections to the broker after the first",
    );
    let isFirst = !this.#snapshot.connection.isConnected;
    this.#on("connection", ({ isConnected }) => {
      if (!isConnected) return;
      if (!isFirst) reconnects.inc();
      isFirst = false;
    });
    this.#gauge(
      "cloud_node_last_heartbeat_timestamp_seconds",
      "When the backend took the last heartbeat",
      () => secondsOf(this.#snapshot.lastHeartbeat),
    );
    this.#gauge(
      "cloud_node_outbox_pending",
      "Replies and statuses that the broker has not acknowledged",
      () => this.#snapshot.outbox.pending,
    );
    this.#gauge(
      "cloud_node_outbox_oldest_timestamp_seconds",
      "When the oldest of them was written",
      () => secondsOf(this.#snapshot.outbox.oldestAt),
    );
  }

  #defineNode(): void {
    const { clock } = this.#source;
    const startedAt = clock.now() - clock.monotonic();
    const info = new Gauge({
      name: "cloud_node_info",
      help: "The program and what it runs on; always 1",
      labelNames: ["version", "os", "arch"],
      registers: [this.#registry],
    });
    info.set({ version: manifest.version, os: Deno.build.os, arch: Deno.build.arch }, 1);
    this.#gauge(
      "cloud_node_draining",
      "Whether the node takes no new commands",
      () => Number(this.#snapshot.isDraining),
    );
    this.#gauge(
      "cloud_node_journal_bytes",
      "Bytes that the journal takes on disk",
      () => this.#source.journalBytes(),
    );
    this.#gauge(
      "process_resident_memory_bytes",
      "Resident memory of the node's process",
      () => Deno.memoryUsage().rss,
    );
    this.#gauge(
      "process_start_time_seconds",
      "When the node's process started, in seconds since the epoch",
      () => startedAt / 1000,
    );
    new Counter({
      name: "process_cpu_seconds_total",
      help: "CPU time of the node's process",
      registers: [this.#registry],
      collect() {
        const { user, system } = cpuUsage();
        this.reset();
        this.inc((user + system) / 1e6);
      },
    });
  }

  #defineGpus(): void {
    this.#gpus(
      "cloud_node_gpu_utilization_ratio",
      "How busy a GPU is, from 0 to 1",
      (gpu) => gpu.utilization,
    );
    this.#gpus(
      "cloud_node_gpu_memory_used_bytes",
      "Memory of a GPU that is in use",
      (gpu) => gpu.memoryUsedBytes,
    );
    this.#gpus(
      "cloud_node_gpu_memory_total_bytes",
      "Memory of a GPU",
      (gpu) => gpu.memoryTotalBytes,
    );
    this.#gpus("cloud_node_gpu_power_watts", "Power that a GPU draws", (gpu) => gpu.powerWatts);
    this.#gpus(
      "cloud_node_gpu_temperature_celsius",
      "Temperature of a GPU",
      (gpu) => gpu.temperatureCelsius,
    );
    this.#gauge(
      "cloud_node_gpu_last_collect_success",
      "Whether the last look at the GPUs succeeded; no sample where there is no nvidia-smi",
      () => {
        const isSuccessful = this.#snapshot.gpus?.isSuccessful;
        return isSuccessful === undefined ? undefined : Number(isSuccessful);
      },
    );
  }

  /** A gauge for each GPU, without a sample if the driver does not report the value. */
  #gpus(name: string, help: string, figure: (gpu: GpuSample) => number | undefined): void {
    const samples = () => this.#snapshot.gpus?.samples ?? [];
    new Gauge({
      name,
      help,
      labelNames: ["gpu", "model"],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const gpu of samples()) {
          const value = figure(gpu);
          if (value !== undefined) this.set({ gpu: String(gpu.index), model: gpu.name }, value);
        }
      },
    });
  }

  /** A gauge without a sample while its figure is `undefined`. */
  #gauge(name: string, help: string, figure: () => number | undefined): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        const value = figure();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  }

  #counter<Label extends string = never>(
    name: string,
    help: string,
    labelNames: Label[] = [],
  ): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #on<Name extends NodeEventName>(
    name: Name,
    listener: (detail: NodeEventMap[Name]) => void,
  ): void {
    this.#listeners.push(this.#source.events.on(name, listener));
  }
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
