/**
 * Runs commands: remembers them, starts them when it is their turn, and answers them when they end.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Pending } from "../journal/messages.ts";
import type { StopRequest } from "../journal/record.ts";
import type { StopSignal } from "../os/process_identity.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import type { Exit } from "../workloads/folder.ts";
import { notStarted, type Outcome, outcomeOf } from "./outcome.ts";
import { examine } from "../executors/process/reattach.ts";
import { Runner } from "../executors/process/runner.ts";
import { type Accepted, nameOf, type RunningWorkload } from "../executors/process/running.ts";
import type { ShellPool } from "../executors/process/shell_pool.ts";
import type { WorkloadContext } from "../executors/process/workload.ts";
import type { StopTarget } from "./cancel.ts";
import { Completion, type Ended } from "./completion.ts";
import { Finalizer, type Uploads } from "./finalizer.ts";
import { type Lane, Lanes } from "./queue.ts";
import { type Arrival, type Start, Starter } from "./starter.ts";
import type { Tracking } from "./platform_status.ts";

/** The settings that scheduling depends on. */
export interface SchedulerSettings extends Partial<Readonly<Record<WorkloadKind, string>>> {
  readonly concurrency: Readonly<Record<WorkloadKind, number>>;
  readonly maxQueued: Readonly<Record<WorkloadKind, number>>;
  readonly timeout: Readonly<Partial<Record<WorkloadKind, number>>>;
  readonly cancelGrace: number;
  readonly maxOutput: number;
  readonly uploadResults: boolean;
}

/** What a scheduler works with. */
export interface SchedulerOptions {
  readonly settings: SchedulerSettings;
  readonly journal: Journal;
  readonly tracking: Tracking;
  readonly uploads: Uploads;
  /** Where answers are sent, which the journal has. */
  readonly replies: { send(messages: readonly Pending[]): void };
  readonly workloadsFolder: string;
  readonly context: WorkloadContext;
  /** Makes the pool of shells, which calls back when one is ready. */
  createPool(onReady: () => void): ShellPool;
  /** Called when a command was accepted. */
  onAccepted?(): void;
  /** Called when an accepted command was answered. */
  onAnswered?(outcome: Outcome): void;
}

/** What `cancel` did. */
export interface Cancelled {
  readonly command: Accepted;
  /** The process that was signalled; `undefined` when the command was still waiting. */
  readonly pid: number | undefined;
}

/** What cannot be started because the disk is full waits this long. */
const RETRY_MS = 2_000;

/** Runs commands. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #pool: ShellPool;
  readonly #runner: Runner;
  /** What runs and what waits. */
  readonly lanes: Lanes;
  readonly #starter: Starter;
  readonly #finalizer: Finalizer;
  readonly #completion: Completion;
  readonly #leaving = new AbortController();
  #open = false;

  /** Makes a scheduler that starts nothing before `open()`. */
  constructor(options: SchedulerOptions) {
    const { settings, journal, context, workloadsFolder } = options;
    this.#options = options;
    this.lanes = new Lanes(settings.concurrency, settings.maxQueued);
    this.#pool = options.createPool(() => this.#startAll());
    this.#runner = new Runner({
      context,
      workloadsFolder,
      timeout: settings.timeout,
      cancelGrace: settings.cancelGrace,
      pool: this.#pool,
      requestStop: (id, stop) => journal.requestStop(id, stop),
      onEnded: (running, exit) => this.#ended(running, exit),
    });
    const [pool, runner] = [this.#pool, this.#runner];
    this.#starter = new Starter({ ...options, ...context, templates: settings, pool, runner });
    this.#finalizer = new Finalizer({ ...options, ...context, ...settings });
    this.#completion = new Completion({
      ...options,
      ...context,
      finalizer: this.#finalizer,
      folderOf: (id) => this.#runner.folderOf(id),
      settle: (ended) => this.#answer(ended),
    });
  }

  /** Takes up what an earlier node left: what runs, what ended meanwhile, and what waits. */
  async recover(): Promise<void> {
    const { journal, workloadsFolder, context: { host, logger } } = this.#options;
    const unfinished = journal.unfinished();
    const started = unfinished.filter((record) => record.state === "running");
    const recoveries = await examine(started, workloadsFolder, host, logger);
    for (const record of unfinished) {
      const lane = this.lanes.of(record.kind);
      const recovery = recoveries.get(record.id);
      switch (recovery?.action) {
        case "attach":
          lane.running.set(record.id, this.#runner.attach(record));
          logger.info(`${nameOf(record)} still runs as process ${record.handle!.process!.pid}`);
          break;
        case "collect": {
          const running = this.#runner.recall(record);
          lane.running.set(record.id, running);
          logger.info(`${nameOf(record)} ended while the node was away`);
          this.#ended(running, recovery.exit);
          break;
        }
        case "requeue":
          this.#starter.unstart(record);
          lane.queue.push(record);
          break;
        case undefined:
          lane.queue.push(record);
      }
    }
    this.#refuseHopeless();
    if (this.queued > 0) logger.info(`${this.queued} commands from before wait for their turn`);
  }

  /** Starts what waits, and from now on what comes. */
  open(): void {
    this.#open = true;
    this.#pool.fill();
    this.#finalizer.resume();
    this.#startAll();
  }

  /** Lets go of everything: what runs goes on without the node, what waits is in the journal. */
  async leave(): Promise<void> {
    this.#open = false;
    this.#leaving.abort();
    this.#runner.leave();
    const released = this.running().map((running) => running.release());
    await this.#completion.leave();
    await Promise.all([this.#pool.close(), ...released, this.#finalizer.leave()]);
  }

  /** Resolves when nothing runs, waits or is uploaded. */
  async idle(): Promise<void> {
    while (!this.isIdle) {
      await this.lanes.idle();
      await this.#finalizer.idle();
    }
  }

  /** Whether nothing runs, waits or is uploaded. */
  get isIdle(): boolean {
    return this.lanes.isIdle && this.#finalizer.pending === 0;
  }

  /** What runs. */
  running(): RunningWorkload[] {
    return this.lanes.running();
  }

  /** How many commands wait. */
  get queued(): number {
    return this.lanes.queued().length;
  }

  /** How many uploads of results are under way. */
  get uploading(): number {
    return this.#finalizer.pending;
  }

  /** Remembers commands, and runs each when it is its turn. Throws when it cannot remember them. */
  accept(arrivals: readonly Arrival[]): void {
    const starts = this.#starter.acceptAll(
      arrivals,
      (kind) => this.#open ? this.lanes.of(kind).room : 0,
    );
    const { context: { logger }, onAccepted } = this.#options;
    for (const { command } of arrivals) {
      const lane = this.lanes.of(command.kind);
      const start = starts.get(command.id);
      if (start !== undefined) {
        this.#begin(lane, start);
      } else {
        lane.queue.push(command);
        logger.info(`${nameOf(command)} waits for its turn (${lane.queue.length} in the queue)`);
        this.#pool.fill();
      }
      onAccepted?.();
    }
  }

  /** Stops a command that runs or waits. `undefined`: there is none. */
  cancel(
    target: StopTarget,
    signal: StopSignal,
    cause: StopRequest["cause"] = "cancelled",
  ): Cancelled | undefined {
    const { clock, logger } = this.#options.context;
    const running = this.lanes.findRunning(target);
    if (running !== undefined) {
      logger.info(`Stopping ${nameOf(running.command)} with ${signal}: ${cause}`);
      running.stop(cause, signal);
      return { command: running.command, pid: running.process.pid };
    }
    const command = this.lanes.findQueued(target);
    if (command === undefined) return undefined;
    const stop: StopRequest = { cause, signal, at: clock.now() };
    this.#answer([{ command, outcome: outcomeOf({ type: "never_began" }, stop) }]);
    return { command, pid: undefined };
  }

  /** Turns away what waits and could never be run as it was meant. */
  #refuseHopeless(): void {
    for (const command of this.lanes.queued()) {
      const why = this.#starter.obstacle(command);
      if (why === undefined) continue;
      this.lanes.of(command.kind).leaveQueue(command);
      this.#completion.refuse(command, notStarted(why));
    }
  }

  #startAll(): void {
    if (!this.#open) return;
    for (const lane of this.lanes.all()) this.#startNext(lane);
  }

  #startNext(lane: Lane): void {
    const { clock, logger } = this.#options.context;
    while (this.#open && lane.mayStart) {
      const command = lane.queue[0];
      let start: Start | undefined;
      try {
        start = this.#starter.remember(command);
      } catch (error) {
        logger.error(`Cannot start ${nameOf(command)}: ${messageOf(error)}; trying again`);
        clock.sleep(RETRY_MS, this.#leaving.signal).then(() => this.#startNext(lane), () => {});
        return;
      }
      if (start === undefined) return this.#pool.fill();
      this.#begin(lane, start);
    }
  }

  /** Lets a command begin, which may have waited. */
  #begin(lane: Lane, start: Start): void {
    lane.leaveQueue(start.command);
    lane.running.set(start.command.id, this.#starter.begin(start));
  }

  #ended(running: RunningWorkload, exit: Exit): void {
    const { command, resumed, stopRequest } = running;
    if (exit.type !== "never_began" || !resumed || stopRequest !== undefined) {
      return this.#completion.finish(running, exit);
    }
    // The node that started it died before its shell had the command.
    const lane = this.lanes.of(command.kind);
    running.release();
    this.#starter.unstart(command);
    lane.running.delete(command.id);
    lane.queue.unshift(command);
    this.#refuseHopeless();
    this.#startNext(lane);
  }

  /** Answers commands, and starts the next of their lanes: remembering both at once saves time. */
  #answer(ended: readonly Ended[]): void {
    const leaving = new Set(ended.map(({ command }) => command.id));
    const starts: Start[] = [];
    try {
      this.#completion.answer(ended, () => {
        for (const lane of this.#open ? this.lanes.all() : []) {
          this.#starter.rememberAll(lane.nextWithout(leaving), starts);
        }
      });
    } catch (error) {
      for (const start of starts) this.#starter.abandon(start);
      throw error;
    }
    for (const { command } of ended) {
      this.lanes.remove(command);
      this.#starter.forget(command);
    }
    for (const start of starts) this.#begin(this.lanes.of(start.command.kind), start);
    this.#startAll();
    for (const { outcome } of ended) this.#options.onAnswered?.(outcome);
  }
}
