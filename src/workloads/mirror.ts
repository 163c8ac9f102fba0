/**
 * Shows what workloads print in the node's own log, line by line.
 *
 * @module
 */
import type { JobOutput } from "../log.ts";
import { type Clock, isAbort } from "../time.ts";
import type { WorkloadFolder } from "./folder.ts";
import { outputSize, Tail } from "./output.ts";
import { OutputIndex } from "./output_index.ts";

/**
 * From one look for new output to the next: short, so that both streams are seen in the order in which
 * they were written, and shorter while some comes.
 */
const INTERVAL_MS = { min: 20, max: 50 };

/** How often the state of a progress bar is shown. */
const PROGRESS_MS = 10_000;

/** What showing output depends on. */
interface MirrorOptions {
  readonly clock: Clock;
  /** Aborts when the workload has ended. */
  readonly ended: AbortSignal;
  /** Whether to leave out what is there already, which an earlier node has shown. */
  readonly onlyNew: boolean;
  /** Default: `all`. */
  readonly jobOutput?: JobOutput;
  /** Called at each look but the last. Default: nothing is. */
  onLook?(): void;
}

/**
 * Shows lines of a workload's output until `ended` aborts, and then what is left. A line that writes
 * over itself, as a progress bar does, is shown as it stands every ten seconds. Also notes in which
 * order the streams grow.
 */
export async function mirrorOutput(
  folder: WorkloadFolder,
  show: (line: string) => void,
  { clock, ended, onlyNew, jobOutput = "all", onLook }: MirrorOptions,
): Promise<void> {
  const progress = new Progress(show, clock);
  const showLine = {
    all: show,
    progress: (line: string) => progress.update(line),
    none: () => {},
  }[jobOutput];
  const [stdout, stderr] = (["stdout", "stderr"] as const).map((stream) =>
    new Tail(folder, stream, showLine, onlyNew ? outputSize(folder, stream) : 0)
  ) as [Tail, Tail];
  const index = new OutputIndex(folder);
  /** Whether there is more output than at the last look. */
  const look = (now?: number): boolean => {
    const before = stdout.size + stderr.size;
    for (const tail of inLikelyOrder([stdout, stderr])) {
      tail.read(now);
      if (tail.rewritten !== undefined && jobOutput !== "none") progress.update(tail.rewritten);
    }
    index.note({ at: clock.now(), stdout: stdout.size, stderr: stderr.size });
    return stdout.size + stderr.size > before;
  };
  try {
    for (let wait = INTERVAL_MS.min; !ended.aborted;) {
      await clock.sleep(wait, ended);
      wait = look(clock.monotonic()) ? INTERVAL_MS.min : Math.min(2 * wait, INTERVAL_MS.max);
      progress.showWhenDue();
      onLook?.();
    }
  } catch (error) {
    if (!isAbort(error, ended)) throw error;
  }
  look();
  for (const tail of [stdout, stderr]) tail.end();
  if (jobOutput === "progress") progress.show();
}

/**
 * Streams that may have grown since the last look, in the order in which they probably did: a progress
 * bar ends before the other stream says that all is done.
 */
export function inLikelyOrder<T extends { readonly isInLine: boolean }>(
  streams: readonly T[],
): T[] {
  return streams.toSorted((a, b) => Number(b.isInLine) - Number(a.isInLine));
}

/** The latest state of what goes on, shown now and then. */
class Progress {
  readonly #show: (line: string) => void;
  readonly #clock: Clock;
  #latest: string | undefined;
  #shown: string | undefined;
  #shownAt: number;

  constructor(show: (line: string) => void, clock: Clock) {
    this.#show = show;
    this.#clock = clock;
    this.#shownAt = clock.monotonic();
  }

  update(state: string): void {
    this.#latest = state;
  }

  /** Shows the latest state when the last one was shown long enough ago. */
  showWhenDue(): void {
    if (this.#clock.monotonic() - this.#shownAt >= PROGRESS_MS) this.show();
  }

  /** Shows the latest state, unless it was shown. */
  show(): void {
    if (this.#latest === undefined || this.#latest.trim() === "") return;
    if (this.#latest === this.#shown) return;
    this.#shown = this.#latest;
    this.#shownAt = this.#clock.monotonic();
    this.#show(this.#latest);
  }
}
