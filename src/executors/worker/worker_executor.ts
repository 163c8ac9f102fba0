/**
 * The executor that hands commands to workers, which stay loaded.
 *
 * @module
 */
import type {
  Executor,
  ExecutorState,
  ExecutorStatus,
  Handle,
  Recovered,
  Reservation,
  Unavailable,
  Work,
} from "../executor.ts";
import type { GpusForEach } from "../warm/gpu_share.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import { gpusOf } from "./earlier_worker.ts";
import { readAttempt } from "./recover_command.ts";
import { Worker } from "./worker.ts";
import type { WorkerOptions } from "./worker_options.ts";

/** What this executor works with. */
export interface WorkerExecutorOptions
  extends Omit<WorkerOptions, "number" | "onChange" | "folder" | "gpus"> {
  /** The GPUs that each worker gets. Default: it is given none, and sees what is there. */
  readonly gpus?: GpusForEach;
  /** Where the folders of all workers are. */
  readonly workersFolder: string;
}

/** From the best to the worst: what the executor is, is what the best of its workers is. */
const ORDER: readonly ExecutorState[] = [
  "ready",
  "busy",
  "starting",
  "restarting",
  "yielding",
  "unhealthy",
  "failed",
  "stopped",
];

/** Hands commands to workers. */
export class WorkerExecutor implements Executor {
  /** Its name in handles. */
  readonly name: string;
  onRoom?: () => void;
  onStatus?: (status: ExecutorStatus) => void;
  readonly #options: WorkerExecutorOptions;
  readonly #workers: readonly Worker[];
  readonly yieldsTo: string | undefined;
  #last: ExecutorState | undefined;
  #isStopped = false;

  /** Starts its workers, or finds those of an earlier node. */
  constructor(options: WorkerExecutorOptions) {
    this.#options = options;
    const { workersFolder, name, program } = options;
    this.name = name;
    this.yieldsTo = program.yieldTo;
    this.#workers = Array.from({ length: program.workers }, (_, number) => {
      const one = { ...options, number, folder: `${workersFolder}/${name}-${number}` };
      const gpus = gpusOf(one, options.gpus);
      return new Worker({ ...one, gpus, onChange: () => this.#changed() });
    });
  }

  reserve({ id }: Pick<Work, "id" | "kind">): Reservation | Unavailable | undefined {
    if (this.#isStopped) return undefined;
    const [worker] = this.#workers.filter(({ room }) => room > 0)
      .toSorted((a, b) => a.count - b.count);
    if (worker === undefined) {
      const { state, reason = "it does not start" } = this.status();
      return state === "failed" ? { problem: `No worker can run this: ${reason}` } : undefined;
    }
    const handle = worker.take(id);
    return {
      handle,
      start: (work) => worker.hand(handle, work),
      release: () => worker.release(),
    };
  }

  async recover(handle: Handle, folder: WorkloadFolder): Promise<Recovered> {
    const worker = this.#workers[readAttempt(handle.attempt).number];
    if (worker !== undefined) return await worker.recover(handle, folder);
    return { type: "ended", exit: { type: "lost", why: "its worker is not configured any more" } };
  }

  status(): ExecutorStatus {
    if (this.#isStopped) return { state: "stopped" };
    return this.#workers.map(({ status }) => status)
      .toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))[0]!;
  }

  get hasYielded(): boolean {
    return this.#workers.every(({ hasYielded }) => hasYielded);
  }

  setYielding(isYielding: boolean): void {
    for (const worker of this.#workers) worker.setYielding(isYielding);
  }

  async unload(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#workers.map((worker) => worker.unload()));
  }

  /** Leaves the workers running: the next node finds them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#workers.map((worker) => worker.leave()));
  }

  #changed(): void {
    if (this.#isStopped || this.#workers === undefined) return;
    const status = this.status();
    if (status.state !== this.#last && !(isWell(status) && isWell({ state: this.#last }))) {
      // All lines of it are in the line about the end of the worker.
      const why = status.reason === undefined ? "" : `: ${status.reason.split("\n")[0]}`;
      this.#options.logger.info(`${this.#options.name} is ${status.state}${why}`);
    }
    if (status.state !== this.#last) this.onStatus?.(status);
    this.#last = status.state;
    this.onRoom?.();
  }
}

function isWell({ state }: { readonly state: ExecutorState | undefined }): boolean {
  return state === "ready" || state === "busy";
}
