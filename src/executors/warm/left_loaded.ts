/**
 * Programs that an earlier node left loaded and that this one does not load: they end by themselves
 * after a while, and keep their GPUs until then.
 *
 * @module
 */
import * as fs from "node:fs";
import { counted, messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { ProcessIdentity } from "../../os/process_identity.ts";
import { type Host, startTimes } from "../../os/processes.ts";
import type { Clock } from "../../time.ts";
import { exitCodeIn, processIn, workerRecordIn } from "../worker/worker_files.ts";
import type { GpuSource } from "./gpu_share.ts";
import { readLoaded } from "./warm_process.ts";

/** What is looked for, and where. */
interface LeftLoadedOptions {
  readonly stateFolder: string;
  /** The names of what this node loads itself. */
  readonly known: ReadonlySet<string>;
  readonly source: Pick<GpuSource, "hold" | "release">;
  readonly host: Pick<Host, "bootId">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One program. */
interface Left {
  /** The name under which it has its GPUs. */
  readonly name: string;
  readonly process: ProcessIdentity;
  /** `undefined`: it may be using any. */
  readonly gpus: readonly string[] | undefined;
}

/** How often to check whether they have ended, in milliseconds. */
const LOOK_MS = 1_000;

/** Lets such programs keep their GPUs until they have ended. */
export class LeftLoaded implements AsyncDisposable {
  /** Called when one has given its GPUs back. */
  onRoom?: () => void;
  readonly #options: LeftLoadedOptions;
  readonly #closing = new AbortController();
  readonly #watching: Promise<void>;

  private constructor(options: LeftLoadedOptions, left: readonly Left[]) {
    this.#options = options;
    this.#watching = this.#watch(left);
  }

  /** Looks for them. When this resolves, their GPUs are reserved for them. */
  static async find(options: LeftLoadedOptions): Promise<LeftLoaded> {
    const { source, known, logger } = options;
    const left = await alive(programsIn(options).filter(({ name }) => !known.has(name)));
    for (const { name, gpus } of left) source.hold(name, gpus);
    if (left.length > 0) {
      const what = counted(left.length, "program");
      logger.warn(`${what} of an earlier configuration still loaded: GPUs of it are not given yet`);
    }
    return new LeftLoaded(options, left);
  }

  /** Stops looking. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#watching;
  }

  async #watch(left: readonly Left[]): Promise<void> {
    const { source, clock, logger } = this.#options;
    const { signal } = this.#closing;
    while (left.length > 0) {
      await clock.sleep(LOOK_MS, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        const still = await alive(left);
        const ended = left.filter((one) => !still.includes(one));
        for (const { name } of ended) source.release(name);
        left = still;
        if (ended.length > 0) this.onRoom?.();
      } catch (error) {
        logger.debug(`Cannot look at what is left loaded: ${messageOf(error)}`);
      }
    }
  }
}

async function alive(programs: readonly Left[]): Promise<Left[]> {
  const times = await startTimes(programs.map(({ process }) => process.pid));
  return programs.filter(({ process }) => times.get(process.pid) === process.startTime);
}

function programsIn({ stateFolder, host }: LeftLoadedOptions): Left[] {
  const workers = fs.globSync("*", { cwd: `${stateFolder}/workers` }).flatMap((name) => {
    const folder = `${stateFolder}/workers/${name}`;
    const record = workerRecordIn(folder);
    const process = record?.bootId === host.bootId ? processIn(folder, host) : undefined;
    if (process === undefined || exitCodeIn(folder) !== undefined) return [];
    return [{ name, process, gpus: record?.gpus }];
  });
  const others = fs.globSync("*.json", { cwd: `${stateFolder}/loaded` }).flatMap((file) => {
    const loaded = readLoaded(`${stateFolder}/loaded/${file}`);
    const process = loaded?.handle?.process;
    if (process === undefined || process.bootId !== host.bootId) return [];
    return [{ name: file.slice(0, -".json".length), process, gpus: loaded?.gpus }];
  });
  return [...workers, ...others];
}
