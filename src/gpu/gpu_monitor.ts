/**
 * Watches the GPUs of this machine, with one `nvidia-smi` that runs for as long as the node does.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import { shellEnvironment } from "../os/shell_environment.ts";
import { type Clock, isAbort } from "../time.ts";
import { LineSplitter } from "../workloads/line_splitter.ts";
import { type GpuSample, nvidiaSmiArgs, parseNvidiaSmi } from "./nvidia_smi.ts";

/** The GPUs of a machine, as they were last seen. */
export interface GpuReadings {
  /** One for each GPU; empty while there is nothing to say. */
  readonly samples: readonly GpuSample[];
  /** Whether the last look succeeded; `undefined`: there is no `nvidia-smi` here. */
  readonly isSuccessful: boolean | undefined;
}

/** What a monitor works with. */
interface GpuMonitorOptions {
  /** The PATH on which `nvidia-smi` is looked for. Default: that of this process. */
  readonly path?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const INTERVAL_S = 5;
/** One that has said nothing for so long hangs, as it does when a card falls off the bus. */
const SILENCE_MS = 6 * INTERVAL_S * 1000;
const RETRY_MS = 1_000;
const MAX_FAILURES = 3;
const PAUSE_MS = 5 * 60 * 1000;
/** What a shell exits with that finds no program. */
const NOT_FOUND = 127;

/** Watches the GPUs while it runs. */
export class GpuMonitor {
  readonly #options: GpuMonitorOptions;
  readonly #samples = new Map<number, GpuSample & { readonly at: number }>();
  #isSuccessful: boolean | undefined;

  /** Watches nothing before `run()`. */
  constructor(options: GpuMonitorOptions) {
    this.#options = options;
  }

  /** What was last seen. A GPU that is no longer reported is left out. */
  readings(): GpuReadings {
    const oldest = this.#options.clock.monotonic() - SILENCE_MS;
    const samples = [...this.#samples.values()].filter(({ at }) => at > oldest);
    return { samples, isSuccessful: this.#isSuccessful };
  }

  /** Watches until `signal` aborts, or until it turns out that there is no `nvidia-smi`. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      const seen = await this.#watch(signal);
      if (signal.aborted) return;
      if (seen.isMissing) return;
      failures = seen.samples > 0 ? 1 : failures + 1;
      this.#isSuccessful = false;
      this.#samples.clear();
      const isPause = failures >= MAX_FAILURES;
      if (isPause) {
        logger.warn(
          `nvidia-smi failed ${MAX_FAILURES} times (${seen.problem}): no GPU metrics for 5 minutes`,
        );
        failures = 0;
      }
      try {
        await clock.sleep(isPause ? PAUSE_MS : RETRY_MS, signal);
      } catch (error) {
        if (!isAbort(error, signal)) throw error;
      }
    }
  }

  /** Runs one `nvidia-smi` to its end. */
  async #watch(signal: AbortSignal): Promise<Watched> {
    const { path, clock } = this.#options;
    const ending = new AbortController();
    const child = new Deno.Command("sh", {
      args: ["-c", 'exec nvidia-smi "$@"', "nvidia-smi", ...nvidiaSmiArgs(INTERVAL_S)],
      env: { ...shellEnvironment(), ...(path !== undefined && { PATH: path }) },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const output = child.stdout.getReader();
    const over = AbortSignal.any([signal, ending.signal]);
    const end = () => endAtOnce(child, output);
    over.addEventListener("abort", end, { once: true });
    const watched = { samples: 0, problem: "it printed nothing", isMissing: false };
    let lastLineAt = clock.monotonic();
    const silence = this.#endAfterSilence(() => lastLineAt, ending);
    const lines = new LineSplitter((line) => {
      lastLineAt = clock.monotonic();
      const sample = parseNvidiaSmi(line);
      if (sample === undefined) {
        if (line.trim() !== "") watched.problem = quoted(line);
        return;
      }
      watched.samples++;
      this.#samples.set(sample.index, { ...sample, at: lastLineAt });
      this.#isSuccessful = true;
    });
    for (;;) {
      const { value, done } = await output.read();
      if (done) break;
      lines.push(value);
    }
    lines.end();
    const { code } = await child.status;
    over.removeEventListener("abort", end);
    ending.abort();
    await silence;
    return { ...watched, isMissing: code === NOT_FOUND };
  }

  /** Ends an `nvidia-smi` that hangs; resolves once it is ended in any way. */
  async #endAfterSilence(lastLineAt: () => number, ending: AbortController): Promise<void> {
    const { clock } = this.#options;
    for (let left = SILENCE_MS; left > 0;) {
      await clock.sleep(left, ending.signal).catch(() => {});
      if (ending.signal.aborted) return;
      left = lastLineAt() + SILENCE_MS - clock.monotonic();
    }
    ending.abort();
  }
}

/**
 * Ends an `nvidia-smi`, which may be a script: one that takes no SIGTERM, or has started a program that
 * holds its output open.
 */
function endAtOnce(
  child: Deno.ChildProcess,
  output: ReadableStreamDefaultReader<Uint8Array>,
): void {
  void output.cancel();
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** How one `nvidia-smi` went. */
interface Watched {
  readonly samples: number;
  readonly problem: string;
  readonly isMissing: boolean;
}
