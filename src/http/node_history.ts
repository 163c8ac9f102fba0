/**
 * The last hour of a node, in memory: the load of the machine and its GPUs, and the changes of the
 * connection to the broker.
 *
 * @module
 */
import type { GpuSample } from "../gpu/nvidia_smi.ts";
import type { NodeEvents } from "../node/events.ts";
import type { NodeSnapshot } from "../node/snapshot.ts";
import type { MachineLoad } from "../os/machine_load.ts";
import { type Clock, isAbort, isoTime } from "../time.ts";

/** How often it takes a sample, and how many it keeps. */
const STEP_MS = 10_000;
const STEPS = 360;

/** How many changes of the connection it remembers. */
const MAX_CHANGES = 100;

/** What is watched, and with what. */
interface NodeHistoryParts {
  readonly events: Pick<NodeEvents, "on">;
  readonly clock: Clock;
  snapshot(): Pick<NodeSnapshot, "connection" | "gpus">;
  /** How busy the machine has been since the last call. */
  load(): MachineLoad;
}

interface Sample extends MachineLoad {
  readonly at: number;
  readonly gpus: readonly GpuSample[];
}

interface Change {
  readonly at: number;
  readonly isConnected: boolean;
}

/** Records until it is disposed. */
export class NodeHistory implements Disposable {
  readonly #parts: NodeHistoryParts;
  readonly #samples: Sample[] = [];
  readonly #changes: Change[] = [];
  readonly #end = new AbortController();

  /** Starts recording. */
  constructor(parts: NodeHistoryParts) {
    this.#parts = parts;
    const { events, clock, snapshot } = parts;
    const { isConnected, since } = snapshot().connection;
    this.#changes.push({ at: since, isConnected });
    const stop = events.on("connection", ({ isConnected }) => {
      this.#changes.push({ at: clock.now(), isConnected });
      if (this.#changes.length > MAX_CHANGES) this.#changes.shift();
    });
    this.#end.signal.addEventListener("abort", stop, { once: true });
    void this.#run(this.#end.signal);
  }

  /** How busy machine and GPUs were: one value for each time; `null` where it is not known. */
  resources(): Record<string, unknown> {
    const samples = this.#samples;
    const column = (value: (sample: Sample) => number | undefined) =>
      samples.map((sample) => value(sample) ?? null);
    const gpus = new Map(samples.flatMap(({ gpus }) => gpus.map((gpu) => [gpu.index, gpu])));
    return {
      step_seconds: STEP_MS / 1000,
      at: samples.map(({ at }) => isoTime(at)),
      cpu: column(({ cpu }) => cpu),
      memory_used_bytes: column(({ memoryUsedBytes }) => memoryUsedBytes),
      memory_total_bytes: samples.at(-1)?.memoryTotalBytes ?? null,
      gpus: Array.from(gpus.values(), ({ index, name, memoryTotalBytes }) => {
        const of = (sample: Sample) => sample.gpus.find((gpu) => gpu.index === index);
        return {
          index,
          name,
          utilization: column((sample) => of(sample)?.utilization),
          memory_used_bytes: column((sample) => of(sample)?.memoryUsedBytes),
          memory_total_bytes: memoryTotalBytes ?? null,
        };
      }),
    };
  }

  /** The latest changes of the connection, the oldest first. */
  connections(): Record<string, unknown> {
    return {
      changes: this.#changes.map(({ at, isConnected }) => ({
        at: isoTime(at),
        is_connected: isConnected,
      })),
    };
  }

  /** Stops recording. */
  [Symbol.dispose](): void {
    this.#end.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, load, snapshot } = this.#parts;
    try {
      for (;; await clock.sleep(STEP_MS, signal)) {
        this.#samples.push({ at: clock.now(), ...load(), gpus: snapshot().gpus?.samples ?? [] });
        if (this.#samples.length > STEPS) this.#samples.shift();
      }
    } catch (error) {
      if (!isAbort(error, signal)) throw error;
    }
  }
}
