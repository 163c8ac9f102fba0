/**
 * A command that a job of a cluster runs, from its submission to its end.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import { backoff, type Clock, isAbort, orAbort } from "../../time.ts";
import type { Execution, Exit, Handle, Work } from "../executor.ts";
import { SIGKILL_CODE } from "../exit_code.ts";
import type { Cluster, Job, JobStatus } from "./cluster.ts";

/** What following a job takes. */
export interface JobContext {
  readonly cluster: Cluster;
  /** Seconds for which it may wait for its turn; 0: for as long as it takes. */
  readonly pendingTimeout: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
  /** Told each time that the cluster answers, or why it does not. */
  onAnswer(problem?: string): void;
}

/** The waits before a cluster is asked again that did not answer. */
const RETRY = { min: 1_000, max: 30_000 };

/** How long it is before a signal is sent again that the cluster did not take, in milliseconds. */
const STOP_RETRY_MS = 2_000;

/** A command that a job runs. */
export class JobExecution implements Execution {
  readonly handle: Handle;
  readonly started: Promise<Handle>;
  readonly begun: Promise<unknown>;
  readonly startsLater: boolean;
  readonly exit: Promise<Exit>;
  /** Resolves when it has ended, or nothing more is done for it. */
  readonly left: Promise<unknown>;
  #sending: Promise<void> = Promise.resolve();
  readonly #job: Job;
  readonly #context: JobContext;
  readonly #running = Promise.withResolvers<Handle>();
  readonly #submitted = Promise.withResolvers<void>();
  /** Aborts when it has ended, or is no longer watched. */
  readonly #over = new AbortController();
  #isDetached = false;
  /** Aborts when there is a reason to look before it is time to. */
  #waking = new AbortController();
  #signal: StopSignal | undefined;
  #isTooLate = false;
  #startedAt: number | undefined;
  #waitsSince: number | undefined;

  /** Submits the job of a command, or follows one that an earlier node has submitted. */
  constructor(handle: Handle, job: Job, context: JobContext, work?: Work) {
    this.handle = handle;
    this.startsLater = handle.begun !== true;
    this.#job = job;
    this.#context = context;
    this.started = this.begun = this.#running.promise;
    const run = this.#run(work);
    this.left = run.then(() => this.#sending);
    this.exit = run.then((exit) => exit ?? new Promise(() => {}));
  }

  get ageMs(): number {
    return this.#startedAt === undefined ? 0 : this.#context.clock.monotonic() - this.#startedAt;
  }

  stop(signal: StopSignal): void {
    this.#signal = signal;
    const before = this.#sending;
    this.#sending = Promise.all([before, this.#send(signal)]).then(() => {});
    this.#waking.abort();
  }

  stored(): void {
    this.#context.cluster.stored?.(this.#job);
  }

  detach(): void {
    this.#isDetached = true;
    this.#over.abort();
    this.#waking.abort();
  }

  /** Resolves with how it ended; `undefined`: it was detached before. */
  async #run(work: Work | undefined): Promise<Exit | undefined> {
    const refused = work && await this.#submit(work);
    this.#submitted.resolve();
    const exit = refused ?? await this.#watch();
    this.#over.abort();
    if (this.#isDetached || exit === undefined) return undefined;
    // It may have been too short to be seen.
    if (exit.type !== "not_started") this.#begin();
    return this.#verdictOn(exit);
  }

  /** Submits the job. Resolves with how the command ends when that cannot be. */
  async #submit(work: Work): Promise<Exit | undefined> {
    const { cluster, logger, random, onAnswer } = this.#context;
    for (let attempt = 0; !this.#isDetached; attempt++) {
      if (this.#signal !== undefined) {
        return attempt === 0 ? notStarted("it was stopped before") : undefined;
      }
      try {
        const submission = await cluster.submit(this.#job, work, attempt > 0);
        onAnswer();
        if ("problem" in submission) return notStarted(submission.problem);
        logger.info(`${work.kind} ${work.id} is ${cluster.title} job ${submission.name}`);
        return undefined;
      } catch (error) {
        if (!this.#isDetached) onAnswer(messageOf(error));
        await this.#pause(RETRY.min + backoff(attempt, RETRY, random));
      }
    }
    return undefined;
  }

  /** Looks at the job until it has ended, or is detached. */
  async #watch(): Promise<Exit | undefined> {
    const { cluster, random, onAnswer } = this.#context;
    for (let failures = 0; !this.#isDetached;) {
      try {
        const status = await cluster.look(this.#job, this.#signal);
        failures = 0;
        onAnswer();
        if (status.type === "ended") return status.exit;
        if (status.type === "absent") return notStarted(`${cluster.title} has no such job`);
        this.#note(status);
      } catch (error) {
        if (!this.#isDetached) onAnswer(messageOf(error));
        failures++;
      }
      await this.#pause(cluster.lookMs + (failures && backoff(failures, RETRY, random)));
    }
    return undefined;
  }

  #begin(): void {
    this.#running.resolve({ ...this.handle, begun: true });
  }

  #note(status: Extract<JobStatus, { type: "waiting" | "running" }>): void {
    const { clock, cluster, pendingTimeout, logger } = this.#context;
    const now = clock.monotonic();
    if (status.type === "running") {
      this.#startedAt ??= now - status.ageMs;
      return this.#begin();
    }
    this.#waitsSince ??= now;
    const isOver = pendingTimeout > 0 && now - this.#waitsSince >= pendingTimeout * 1000;
    if (!isOver || this.#signal !== undefined) return;
    logger.warn(
      `The ${cluster.title} job of ${this.#job.attempt} has waited for ${pendingTimeout} s: removing it`,
    );
    this.#isTooLate = true;
    this.stop("SIGKILL");
  }

  #verdictOn(exit: Exit): Exit {
    const { cluster, pendingTimeout } = this.#context;
    if (this.#isTooLate && this.#startedAt === undefined && exit.type !== "exited") {
      return notStarted(`${cluster.title} did not start its job within ${pendingTimeout} s`);
    }
    if (this.#signal !== "SIGKILL") return exit;
    const isKilled = exit.type === "exited" ? exit.code === SIGKILL_CODE : exit.type !== "answered";
    return isKilled && exit.type !== "not_started" ? { type: "killed", signal: "SIGKILL" } : exit;
  }

  /** Sends a signal, again when the cluster does not take it, until another one is asked for. */
  async #send(signal: StopSignal): Promise<void> {
    const { cluster, clock, logger } = this.#context;
    await orAbort(this.#submitted.promise, this.#over.signal);
    while (this.#signal === signal && !this.#over.signal.aborted) {
      try {
        return await cluster.stop(this.#job, signal);
      } catch (error) {
        if (this.#over.signal.aborted) return;
        logger.warn(`Cannot stop a ${cluster.title} job: ${messageOf(error)}; retrying`);
      }
      try {
        await clock.sleep(STOP_RETRY_MS, this.#over.signal);
      } catch (error) {
        if (!isAbort(error, this.#over.signal)) throw error;
      }
    }
  }

  /** Waits for so long, or until there is a reason not to. */
  async #pause(ms: number): Promise<void> {
    try {
      await this.#context.clock.sleep(ms, this.#waking.signal);
    } catch (error) {
      if (!isAbort(error, this.#waking.signal)) throw error;
      if (!this.#isDetached) this.#waking = new AbortController();
    }
  }
}

function notStarted(why: string): Exit {
  return { type: "not_started", why };
}
