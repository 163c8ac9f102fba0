/**
 * Watches the GPUs of this machine, with one `nvidia-smi` that runs as long as the node, or without
 * it with a shell that reads the files of the AMD driver.
 *
 * @module
 */
import { messageOf, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import { backoff, type Clock, isAbort } from "../time.ts";
import { AMD_SCRIPT } from "./amd_gpus.ts";
import { NOT_FOUND, readLines } from "./line_source.ts";
import {
  computeAppsArgs,
  type GpuProcess,
  type GpuSample,
  nvidiaSmi,
  nvidiaSmiArgs,
  parseComputeApp,
  parseNvidiaSmi,
} from "./nvidia_smi.ts";

/** The latest readings of the GPUs of a machine. */
export interface GpuReadings {
  /** One for each GPU; empty while none is known. */
  readonly samples: readonly GpuSample[];
  /** The processes that compute on them, as far as the driver reports them. */
  readonly processes: readonly GpuProcess[];
  /** Whether the last reading succeeded; `undefined`: no GPUs can be seen. */
  readonly isSuccessful: boolean | undefined;
}

/** What a monitor works with. */
interface GpuMonitorOptions {
  /** The PATH on which `nvidia-smi` is looked for. Default: that of this process. */
  readonly path?: string;
  /** Where the files of drivers are. Default: `/sys`. */
  readonly sysfs?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const INTERVAL_S = 5;
/**
 * A source that has reported no GPU for so long hangs or prints only errors, as when a card falls
 * off the bus.
 */
const SILENCE_MS = 6 * INTERVAL_S * 1000;
/** A process that was not reported for so long has ended. */
const ENDED_MS = 2.5 * INTERVAL_S * 1000;
/** How long to wait for one that ends: longer each time in a row. */
const RETRY = { min: 1_000, max: 60_000 };
const MAX_FAILURES = 3;
const PAUSE_MS = 5 * 60 * 1000;

/** A program that reports GPUs. */
interface Source {
  readonly name: string;
  /** The arguments of the shell. */
  readonly args: readonly string[];
  /** The same for the program that reports their processes, if there is one. */
  readonly processes?: readonly string[];
}

/** Watches the GPUs while it runs. */
export class GpuMonitor {
  readonly #options: GpuMonitorOptions;
  readonly #sources: readonly Source[];
  readonly #samples = new Map<number, GpuSample & { readonly at: number }>();
  readonly #processes = new Map<string, GpuProcess & { readonly at: number }>();
  #isSuccessful: boolean | undefined;

  /** Watches nothing before `run()`. */
  constructor(options: GpuMonitorOptions) {
    this.#options = options;
    this.#sources = [
      {
        name: "nvidia-smi",
        args: nvidiaSmi(nvidiaSmiArgs(INTERVAL_S)),
        processes: nvidiaSmi(computeAppsArgs(INTERVAL_S)),
      },
      {
        name: "the driver of AMD",
        args: ["-c", AMD_SCRIPT, "cyberwave-gpus", String(INTERVAL_S), options.sysfs ?? "/sys"],
      },
    ];
  }

  /** The latest readings. A GPU or process that is no longer reported is left out. */
  readings(): GpuReadings {
    const now = this.#options.clock.monotonic();
    const samples = [...this.#samples.values()].filter(({ at }) => at > now - SILENCE_MS);
    const processes = [...this.#processes.values()].filter(({ at }) => at > now - ENDED_MS);
    return { samples, processes, isSuccessful: this.#isSuccessful };
  }

  /** Watches until `signal` aborts, or until it turns out that nothing here reports GPUs. */
  async run(signal: AbortSignal): Promise<void> {
    for (const source of this.#sources) {
      await this.#keepWatching(source, signal);
      if (signal.aborted) return;
    }
  }

  /** Watches until `signal` aborts, or until it turns out that there is no such source here. */
  async #keepWatching(source: Source, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    for (let [failures, endings] = [0, 0]; !signal.aborted;) {
      const startedAt = clock.monotonic();
      const seen = await this.#watch(source, signal);
      if (signal.aborted || seen.isMissing) return;
      const isShort = clock.monotonic() - startedAt < RETRY.max;
      const hasPrinted = seen.samples > 0;
      failures = hasPrinted ? 1 : failures + 1;
      if (hasPrinted) endings = isShort ? endings + 1 : 1;
      if (!seen.isDone) {
        this.#isSuccessful = false;
        this.#samples.clear();
        this.#processes.clear();
      }
      const isPause = failures >= MAX_FAILURES;
      if (isPause) {
        const times = `${source.name} failed ${MAX_FAILURES} times (${seen.problem})`;
        logger.warn(`${times}: no GPU metrics for 5 minutes`);
        failures = 0;
      } else if (hasPrinted && endings === 2) {
        const ends = `${source.name} prints, but then ends or hangs instead of going on`;
        logger.warn(`${ends}: GPU metrics are up to ${RETRY.max / 1000} s old, or missing`);
      }
      try {
        // Without jitter: nobody else asks this driver at the same time.
        const wait = backoff((hasPrinted ? endings : failures) - 1, RETRY, () => 1);
        await clock.sleep(isPause ? PAUSE_MS : wait, signal);
      } catch (error) {
        if (!isAbort(error, signal)) throw error;
      }
    }
  }

  /** Runs one source to its end. */
  async #watch({ args, processes }: Source, signal: AbortSignal): Promise<Watched> {
    const { path, clock } = this.#options;
    const ending = new AbortController();
    const over = AbortSignal.any([signal, ending.signal]);
    const watched = { samples: 0, problem: "it printed nothing" };
    let lastSampleAt = clock.monotonic();
    let beside: Promise<void> | undefined;
    const silence = this.#endAfterSilence(() => lastSampleAt, ending);
    const onLine = (line: string) => {
      const sample = parseNvidiaSmi(line);
      if (sample === undefined) {
        if (line.trim() !== "") watched.problem = quoted(line);
        return;
      }
      lastSampleAt = clock.monotonic();
      watched.samples++;
      this.#samples.set(sample.index, { ...sample, at: lastSampleAt });
      this.#isSuccessful = true;
      if (processes !== undefined) beside ??= this.#watchProcesses(processes, over);
    };
    const { code } = await readLines(args, { path, signal: over, onLine });
    ending.abort();
    await Promise.all([silence, beside]);
    return { ...watched, isDone: code === 0 && watched.samples > 0, isMissing: code === NOT_FOUND };
  }

  /** Watches which processes compute on GPUs. A driver that cannot report them is asked once. */
  async #watchProcesses(args: readonly string[], signal: AbortSignal): Promise<void> {
    const { path, clock, logger } = this.#options;
    const onLine = (line: string) => {
      const process = parseComputeApp(line);
      if (process === undefined) return;
      const key = `${process.pid} ${process.gpuUuid}`;
      this.#processes.set(key, { ...process, at: clock.monotonic() });
    };
    try {
      await readLines(args, { path, signal, onLine });
    } catch (error) {
      logger.debug(`Cannot look at the processes on GPUs: ${messageOf(error)}`);
    }
  }

  /** Ends a source that no longer reports GPUs; resolves once it has ended for any reason. */
  async #endAfterSilence(lastSampleAt: () => number, ending: AbortController): Promise<void> {
    const { clock } = this.#options;
    for (let left = SILENCE_MS; left > 0;) {
      await clock.sleep(left, ending.signal).catch(() => {});
      if (ending.signal.aborted) return;
      left = lastSampleAt() + SILENCE_MS - clock.monotonic();
    }
    ending.abort();
  }
}

/** How one run of a source went. */
interface Watched {
  readonly samples: number;
  readonly problem: string;
  /** Whether it ended by itself after it had printed, without an error: that is true for a while. */
  readonly isDone: boolean;
  readonly isMissing: boolean;
}
