/**
 * A command that runs as a process: how it ends, and how it is stopped.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import type { Resources } from "../../protocol/resources.ts";
import type { Progress } from "../../protocol/progress.ts";
import { isAbort } from "../../time.ts";
import type { Execution, Exit, Handle } from "../executor.ts";
import { SIGKILL_CODE } from "../exit_code.ts";
import { signalGroup } from "../../os/processes.ts";
import type { Measurement, Meter } from "./meter.ts";
import {
  killAll,
  signalAll,
  type StopContext,
  type StopTarget,
  untilNoneLives,
} from "./stop_all.ts";

/** A workload that this node has started or found again. */
export interface Observed {
  /** Its supervisor's pid, once there is one. */
  readonly pid: number | undefined;
  /** Resolves when the workload runs, with the handle that names its process. */
  readonly started: Promise<Handle>;
  /** How long it has run, in milliseconds. */
  readonly ageMs: number;
  /** Resolves when the workload itself has ended; what it started may still run. */
  readonly ended: Promise<Exit>;
  /** What it has used, once it has ended, as far as that is known. */
  readonly used?: Resources;
  /** Stops watching: `ended` stays pending. */
  leave(): void;
}

/** How long a supervisor has to report an end after SIGKILL before it is killed itself. */
const REPORTING_MS = 2_000;

/** What an execution works with. */
interface ExecutionContext extends StopContext {
  /** Measures what it uses while it runs. Default: that is not measured. */
  readonly meter?: Pick<Meter, "follow">;
}

/** A command that runs as a process. */
export class ProcessExecution implements Execution {
  readonly handle: Handle;
  readonly exit: Promise<Exit>;
  onProgress?: (progress: Progress) => void;
  readonly #observed: Observed;
  readonly #context: StopContext;
  readonly #leaving = new AbortController();
  readonly #ended = new AbortController();
  readonly #target: Promise<StopTarget>;
  #measured: Measurement | undefined;
  /** The last signal it was sent. */
  #signal: StopSignal | undefined;
  /** Aborts when it is to be killed. */
  readonly #killing = new AbortController();
  /** Resolves when all requested signals are sent. */
  #sent: Promise<void> = Promise.resolve();

  /** Makes an execution of an observed workload. */
  constructor(handle: Handle, observed: Observed, context: ExecutionContext) {
    this.handle = handle;
    this.#observed = observed;
    this.#context = context;
    this.#target = observed.started.then(({ attempt, process }) => ({
      attempt,
      process: process!,
    }));
    this.exit = this.#conclude();
    this.#target.then(({ process }) => {
      this.#measured = context.meter?.follow(process, observed.ended);
    });
  }

  get pid(): number | undefined {
    return this.#observed.pid;
  }

  get started(): Promise<Handle> {
    return this.#observed.started;
  }

  get ageMs(): number {
    return this.#observed.ageMs;
  }

  get pids(): readonly number[] {
    return this.#measured?.pids ?? [];
  }

  get resources(): Resources | undefined {
    const [measured, { used }] = [this.#measured?.resources, this.#observed];
    return measured === undefined ? used : { ...measured, ...used };
  }

  stop(signal: StopSignal): void {
    this.#signal = signal;
    if (signal === "SIGKILL") this.#killing.abort();
    const before = this.#sent;
    this.#sent = this.#send(signal, before).catch((error) => {
      if (!isAbort(error, this.#ended.signal)) this.#cannot(`send ${signal} to`, error);
    });
  }

  detach(): void {
    this.#leaving.abort();
    this.#ended.abort();
    this.#observed.leave();
  }

  async #send(signal: StopSignal, before: Promise<void>): Promise<void> {
    await before;
    const target = await Promise.race([this.#target, this.#observed.ended.then(() => undefined)]);
    if (target === undefined) return;
    await signalAll(target, signal, this.#context, this.#ended.signal);
    if (signal !== "SIGKILL") return;
    await this.#context.clock.sleep(REPORTING_MS, this.#ended.signal);
    // Either it starts new processes faster than they are found, or its supervisor was stopped.
    await killAll(target, this.#context);
    await signalGroup(target.process, "SIGKILL", this.#context.host);
  }

  async #conclude(): Promise<Exit> {
    const exit = await this.#observed.ended;
    this.#ended.abort();
    await this.#sent;
    // Killing a supervisor is meant for all of the workload.
    const isKilled = exit.type === "killed" || this.#signal === "SIGKILL";
    if (exit.type === "not_started" || exit.type === "lost") return exit;
    if (!isKilled && this.#signal === undefined) return exit;
    const survivors = await this.#endRest(await this.#target, isKilled);
    if (survivors === "detached") return await new Promise(() => {});
    const rest = survivors.length === 0 ? {} : { survivors };
    const isBySignal = exit.type === "exited" && isKilled && exit.code === SIGKILL_CODE;
    return isBySignal ? { type: "killed", signal: "SIGKILL", ...rest } : { ...exit, ...rest };
  }

  /** Waits for the end of what a workload that has ended left running, or ends it. */
  async #endRest(target: StopTarget, kill: boolean): Promise<readonly number[] | "detached"> {
    const { signal } = this.#leaving;
    try {
      if (!kill) {
        const sooner = AbortSignal.any([signal, this.#killing.signal]);
        await untilNoneLives(target, this.#context, sooner).catch(() => {});
        if (!sooner.aborted) return [];
      }
      return signal.aborted ? "detached" : await killAll(target, this.#context);
    } catch (error) {
      this.#cannot("end all of", error);
      return [];
    }
  }

  #cannot(what: string, error: unknown): void {
    this.#context.logger.error(`Cannot ${what} process ${this.pid}: ${messageOf(error)}`);
  }
}
