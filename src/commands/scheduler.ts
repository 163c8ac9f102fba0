/**
 * Runs commands: accepts them into the journal, starts them when it is their turn, and answers them
 * when they end.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Journal, Message, Pending } from "../journal/journal.ts";
import type { StopRequest, StopSignal } from "../journal/record.ts";
import type { Command } from "../protocol/command.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import { freeBytes } from "../state/folder.ts";
import { backoff } from "../time.ts";
import type { Exit } from "../workload/folder.ts";
import { describeOutcome, type Outcome, outcomeOf } from "../workload/outcome.ts";
import { examine } from "../workload/reattach.ts";
import { Runner } from "../workload/runner.ts";
import { type Accepted, nameOf, type RunningWorkload } from "../workload/running.ts";
import type { ShellPool, WaitingShell } from "../workload/shell_pool.ts";
import type { WorkloadContext } from "../workload/workload.ts";
import { admit } from "./admission.ts";
import { answer, answerWorkload, type ReplyAddress } from "./answers.ts";
import type { CancelTarget } from "./cancel.ts";
import { newCommandId } from "./command_id.ts";
import { type Lane, Lanes } from "./lanes.ts";

/** The settings that scheduling depends on. */
export interface SchedulerSettings extends Partial<Readonly<Record<WorkloadKind, string>>> {
  readonly concurrency: Readonly<Record<WorkloadKind, number>>;
  readonly maxQueued: Readonly<Record<WorkloadKind, number>>;
  readonly timeout: Readonly<Partial<Record<WorkloadKind, number>>>;
  readonly dedupeWindow: number;
  readonly cancelGrace: number;
  readonly maxOutput: number;
}

/** Where answers are sent. */
export interface Replies {
  /** Remembers a message and sends it. */
  post(message: Message): void;
  /** Sends messages that the journal remembers. */
  send(messages: readonly Pending[]): void;
}

/** What a scheduler works with. */
export interface SchedulerOptions {
  readonly settings: SchedulerSettings;
  readonly journal: Journal;
  readonly replies: Replies;
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

/** What is tried again when the disk is full waits this long in between. */
const RETRY = { min: 2_000, max: 30_000 };

/** Runs commands. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #pool: ShellPool;
  readonly #runner: Runner;
  readonly #lanes: Lanes;
  readonly #leaving = new AbortController();
  #open = false;
  #closing = false;

  /** Makes a scheduler that starts nothing before `open()`. */
  constructor(options: SchedulerOptions) {
    const { settings, journal, context, workloadsFolder } = options;
    this.#options = options;
    this.#lanes = new Lanes(settings.concurrency, settings.maxQueued);
    this.#pool = options.createPool(() => this.#startAll());
    this.#runner = new Runner({
      context,
      workloadsFolder,
      timeout: settings.timeout,
      cancelGrace: settings.cancelGrace,
      pool: this.#pool,
      requestStop: (id, stop) => journal.requestStop(id, stop),
      onEnded: (running, exit) => this.#finish(running, exit),
    });
  }

  /** Takes up what an earlier node left: what runs, what ended meanwhile, and what waits. */
  async recover(): Promise<void> {
    const { journal, workloadsFolder, context: { host, logger } } = this.#options;
    const unfinished = journal.unfinished();
    const started = unfinished.filter((record) => record.state === "running");
    const recoveries = await examine(started, workloadsFolder, host, logger);
    for (const record of unfinished) {
      const lane = this.#lanes.of(record.kind);
      const recovery = recoveries.get(record.id);
      switch (recovery?.action) {
        case "attach":
          lane.running.set(record.id, this.#runner.attach(record));
          logger.info(`${nameOf(record)} still runs as process ${record.process!.pid}`);
          break;
        case "collect": {
          const running = this.#runner.recall(record);
          lane.running.set(record.id, running);
          logger.info(`${nameOf(record)} ended while the node was away`);
          this.#finish(running, recovery.exit);
          break;
        }
        case "requeue":
          journal.requeue(record.id);
          this.#runner.folderOf(record.id).remove();
          lane.queue.push(record);
          break;
        case undefined:
          lane.queue.push(record);
      }
    }
    if (this.queued > 0) logger.info(`${this.queued} commands from before wait for their turn`);
  }

  /** Starts what waits, and from now on what comes. */
  open(): void {
    this.#open = true;
    this.#pool.fill();
    this.#startAll();
  }

  /** Turns away what comes from now on. */
  close(): void {
    this.#closing = true;
  }

  /** Lets go of everything: what runs goes on without the node, what waits is in the journal. */
  async leave(): Promise<void> {
    this.#closing = true;
    this.#open = false;
    this.#leaving.abort();
    this.#runner.leave();
    await Promise.all([this.#pool.close(), ...this.running().map((running) => running.release())]);
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    return this.#lanes.idle();
  }

  /** Whether nothing runs and nothing waits. */
  get isIdle(): boolean {
    return this.#lanes.isIdle;
  }

  /** What runs. */
  running(): RunningWorkload[] {
    return this.#lanes.running();
  }

  /** How many commands wait. */
  get queued(): number {
    return this.#lanes.queued().length;
  }

  /** Accepts a command, or answers it at once. Returns when that is on disk. */
  submit(kind: WorkloadKind, command: Command, address: ReplyAddress): void {
    const { settings, replies, context: { logger } } = this.#options;
    if (this.#repeats(kind, command.requestId)) return;
    const refusal = settings[kind] === undefined
      ? `${kind[0].toUpperCase()}${kind.slice(1)} command not configured in cyberwave.yml`
      : this.#accept(kind, command, address);
    if (refusal === undefined) return;
    logger.warn(`Refused a command for ${kind}: ${refusal}`);
    replies.post(answer(address, command.requestId, { error: refusal }));
  }

  /** Stops a command that runs or waits. `undefined`: there is none. */
  cancel(target: CancelTarget, signal: StopSignal): Cancelled | undefined {
    const { clock, logger } = this.#options.context;
    const running = this.#lanes.findRunning(target);
    if (running !== undefined) {
      logger.info(`Cancelling ${nameOf(running.command)} with ${signal}`);
      running.stop("cancelled", signal);
      return { command: running.command, pid: running.process.pid };
    }
    const command = this.#lanes.findQueued(target);
    if (command === undefined) return undefined;
    const stop: StopRequest = { cause: "cancelled", signal, at: clock.now() };
    this.#answer(command, outcomeOf({ type: "never_began" }, stop));
    return { command, pid: undefined };
  }

  /** Whether this was asked before; then the answer, if there is one yet, is sent again. */
  #repeats(kind: WorkloadKind, requestId: string | undefined): boolean {
    const { settings, journal, replies, context: { clock, logger } } = this.#options;
    if (requestId === undefined || settings.dedupeWindow === 0) return false;
    const since = clock.now() - settings.dedupeWindow * 1000;
    const known = journal.findRequest(kind, requestId, since);
    if (known === undefined) return false;
    if (known.state === "ended") {
      logger.warn(
        `${nameOf(known)} was asked for before, and is not run again: sending its stored reply. ` +
          "Use a new request_id to run it anew",
      );
      replies.send(journal.repost(known.id));
    } else {
      logger.warn(`${nameOf(known)} was asked for again while it is ${known.state}: ignored`);
    }
    return true;
  }

  /** Accepts a command, or returns why not. */
  #accept(kind: WorkloadKind, command: Command, address: ReplyAddress): string | undefined {
    const { journal, workloadsFolder, context: { clock, logger } } = this.#options;
    const lane = this.#lanes.of(kind);
    const workloadUuid = command.params.workload_uuid;
    const admission = admit({
      running: lane.running.size,
      concurrency: lane.concurrency,
      queued: lane.queue.length,
      maxQueued: lane.maxQueued,
      tracked: workloadUuid !== undefined,
      closing: this.#closing,
      freeBytes: freeBytes(workloadsFolder),
    });
    if (admission.action === "refuse") return admission.reason;
    const accepted: Accepted = {
      id: newCommandId(clock.now()),
      kind,
      requestId: command.requestId,
      workloadUuid: typeof workloadUuid === "string" ? workloadUuid : undefined,
      slug: address.slug,
      instanceUuid: address.uuid,
      replyTopic: address.topic,
    };
    const params = JSON.stringify(command.params);
    const shell = this.#open && lane.isFree ? this.#pool.take() : undefined;
    try {
      journal.accept({ ...accepted, params }, shell?.process);
    } catch (error) {
      if (shell !== undefined) this.#pool.putBack(shell);
      return `The node cannot store the command: ${messageOf(error)}`;
    }
    if (shell === undefined) {
      lane.queue.push(accepted);
      logger.info(`${nameOf(accepted)} waits for its turn (${lane.queue.length} in the queue)`);
      this.#pool.fill();
    } else {
      this.#launch(lane, accepted, params, shell);
    }
    this.#options.onAccepted?.();
    return undefined;
  }

  #startAll(): void {
    if (!this.#open) return;
    for (const lane of this.#lanes.all()) this.#startNext(lane);
  }

  #startNext(lane: Lane): void {
    const { journal, context: { clock, logger } } = this.#options;
    while (this.#open && lane.mayStart) {
      const shell = this.#pool.take();
      if (shell === undefined) return this.#pool.fill();
      const command = lane.queue[0];
      try {
        const params = journal.params(command.id);
        journal.start(command.id, shell.process);
        lane.queue.shift();
        this.#launch(lane, command, params, shell);
      } catch (error) {
        this.#pool.putBack(shell);
        logger.error(`Cannot start ${nameOf(command)}: ${messageOf(error)}; trying again`);
        clock.sleep(RETRY.min, this.#leaving.signal).then(() => this.#startNext(lane), () => {});
        return;
      }
    }
  }

  #launch(lane: Lane, command: Accepted, params: string, shell: WaitingShell): void {
    lane.running.set(command.id, this.#runner.launch(command, params, shell));
    this.#options.context.logger.info(
      `${nameOf(command)} started as process ${shell.process.pid} (id ${command.id})`,
    );
  }

  /** Remembers and answers the end of a workload, trying until that is on disk. */
  async #finish(running: RunningWorkload, exit: Exit): Promise<void> {
    const { settings, context: { clock, logger } } = this.#options;
    const { command, stopRequest } = running;
    const outcome = outcomeOf(exit, stopRequest, settings.timeout[command.kind]);
    for (let attempt = 0;; attempt++) {
      try {
        this.#answer(command, outcome);
        break;
      } catch (error) {
        logger.error(
          `Cannot store the end of ${nameOf(command)}: ${messageOf(error)}; trying until I can`,
        );
        try {
          await clock.sleep(backoff(attempt, RETRY), this.#leaving.signal);
        } catch {
          return; // The next node finds the exit file.
        }
      }
    }
    const seconds = ((clock.now() - running.startedAt) / 1000).toFixed(1);
    await running.release();
    logger.info(`${nameOf(command)} ${describeOutcome(outcome)} after ${seconds} s`);
  }

  #answer(command: Accepted, outcome: Outcome): void {
    const { settings, journal, replies, onAnswered } = this.#options;
    const folder = this.#runner.folderOf(command.id);
    const message = answerWorkload(command, outcome, folder, settings.maxOutput);
    const end = { ...outcome.end, bytes: folder.size() };
    replies.send(journal.end(command.id, end, [message]));
    this.#lanes.remove(command);
    this.#startNext(this.#lanes.of(command.kind));
    onAnswered?.(outcome);
  }
}
