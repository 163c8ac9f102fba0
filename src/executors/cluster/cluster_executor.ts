/**
 * The executor that runs each command as a job of a cluster.
 *
 * @module
 */
import { orAbort, Outage, timeInWords, within } from "../../time.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import type {
  Execution,
  Executor,
  ExecutorStatus,
  Handle,
  Recovered,
  Reservation,
  Work,
} from "../executor.ts";
import type { Job, JobStatus } from "./cluster.ts";
import { type JobContext, JobExecution } from "./job_execution.ts";

/** What an executor of a cluster works with. */
interface ClusterExecutorOptions extends Omit<JobContext, "onAnswer"> {
  /** Its name in handles. */
  readonly name: string;
  /** Identifies this boot; `""` when it is unknown. */
  readonly bootId: string;
}

/**
 * How long the start of a node waits for a cluster to report what became of a job, in milliseconds.
 */
const RECOVERY_MS = 10_000;

/** Runs each command as a job. There is always room for another one: the cluster has a queue. */
export class ClusterExecutor implements Executor {
  /** Its name in handles. */
  readonly name: string;
  onRoom?: () => void;
  onStatus?: (status: ExecutorStatus) => void;
  readonly #options: ClusterExecutorOptions;
  readonly #context: JobContext;
  readonly #executions = new Set<JobExecution>();
  #isStopped = false;
  readonly #outage: Outage;
  /** Why the cluster does not answer; `undefined`: it does. */
  #problem: string | undefined;

  /** Starts nothing yet. */
  constructor(options: ClusterExecutorOptions) {
    this.#options = options;
    this.name = options.name;
    this.#outage = new Outage(options.clock);
    this.#context = { ...options, onAnswer: (problem) => this.#answered(problem) };
  }

  reserve(_command: Pick<Work, "id" | "kind">): Reservation | undefined {
    if (this.#isStopped) return undefined;
    const { name, bootId } = this.#options;
    const handle: Handle = { executor: name, attempt: crypto.randomUUID(), bootId };
    return {
      handle,
      prepare: (folder) => folder.create(),
      start: (work) => this.#follow(handle, work.folder, work),
      release: () => {},
    };
  }

  async recover(handle: Handle, folder: WorkloadFolder): Promise<Recovered> {
    const status = await this.#look({ attempt: handle.attempt, folder });
    switch (status?.type) {
      case "ended":
        return { type: "ended", exit: status.exit };
      case "absent":
        // After a power cut the disk may have forgotten that it was submitted.
        return handle.bootId === this.#options.bootId && handle.bootId !== ""
          ? { type: "not_started" }
          : { type: "ended", exit: { type: "lost", why: "the machine was restarted" } };
      default:
        return { type: "running", execution: this.#follow(handle, folder) };
    }
  }

  status(): ExecutorStatus {
    if (this.#isStopped) return { state: "stopped" };
    return this.#problem === undefined
      ? { state: "ready" }
      : { state: "unhealthy", reason: this.#problem };
  }

  /** Stops watching jobs, which go on without the node. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    for (const execution of this.#executions) execution.detach();
    this.#options.cluster.close();
    await Promise.all([...this.#executions].map(({ left }) => left));
  }

  #follow(handle: Handle, folder: WorkloadFolder, work?: Work): Execution {
    const job = { attempt: handle.attempt, folder };
    const execution = new JobExecution(handle, job, this.#context, work);
    this.#executions.add(execution);
    // A signal may still be on its way when it has ended.
    execution.left.then(() => this.#executions.delete(execution));
    return execution;
  }

  #answered(problem: string | undefined): void {
    const { cluster: { title }, logger } = this.#options;
    const wasAway = this.#problem !== undefined;
    this.#problem = problem === undefined ? undefined : `${title} does not answer: ${problem}`;
    if (problem === undefined) {
      const took = this.#outage.ended();
      if (took !== undefined) logger.info(`${title} answers again, after ${timeInWords(took)}`);
    } else {
      const age = this.#outage.failed();
      const since = age === undefined ? "" : `, for ${timeInWords(age)} already`;
      if (!wasAway || age !== undefined) {
        logger.warn(`${title} does not answer${since}: ${problem}; retrying`);
      }
    }
    if (wasAway !== (problem !== undefined)) this.onStatus?.(this.status());
  }

  /** The state of the job of an earlier node; `undefined`: it is not known yet. */
  async #look(job: Job): Promise<JobStatus | undefined> {
    let status: JobStatus | undefined;
    await within(RECOVERY_MS, this.#options.clock, async (tooLate) => {
      const looked = this.#options.cluster.look(job, undefined).catch(() => undefined);
      status = await orAbort(looked, tooLate);
    });
    return status;
  }
}
