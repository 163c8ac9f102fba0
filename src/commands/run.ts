/**
 * The story of a command, from its turn to its reply. A node that restarts enters it in the middle.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Execution, Executor, Exit, Reservation, Work } from "../executors/executor.ts";
import type { Journal } from "../journal/journal.ts";
import type { Pending } from "../journal/messages.ts";
import type { StopRequest } from "../journal/record.ts";
import { commitUntilStored } from "../journal/until_stored.ts";
import type { Logger } from "../log.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import { type Clock, orAbort } from "../time.ts";
import type { WorkloadFolder } from "../workloads/folder.ts";
import { type Command, infoOf, nameOf } from "./command.ts";
import type { CommandEvents } from "./events.ts";
import { describeOutcome, notStarted, type Outcome, outcomeOf } from "./outcome.ts";
import type { PlatformStatus } from "./platform_status.ts";
import type { CommandQueue } from "./queue.ts";
import { notConfigured, replyTo } from "./reply.ts";
import { showOutput } from "./show_output.ts";
import { Stop } from "./stop.ts";
import { Tasks } from "./tasks.ts";
import type { Uploads } from "./uploads.ts";
import { workFor } from "./work.ts";

/** The settings that running depends on. */
export interface RunSettings extends Partial<Readonly<Record<WorkloadKind, string>>> {
  readonly timeout: Readonly<Partial<Record<WorkloadKind, number>>>;
  readonly cancelGrace: number;
  readonly maxOutput: number;
}

/** What a runner works with. */
export interface CommandRunnerParts {
  readonly settings: RunSettings;
  readonly journal: Journal;
  readonly queue: CommandQueue;
  readonly executors: readonly Executor[];
  readonly uploads: Uploads;
  readonly outbox: { send(messages: readonly Pending[]): void };
  readonly platformStatus: PlatformStatus;
  readonly events: CommandEvents;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where what workloads print is shown. It reaches the platform from their files. */
  readonly outputLogger: Logger;
  folderOf(id: string): WorkloadFolder;
}

/** A command in hand. */
export interface Run {
  readonly command: Command;
  /** When it was started, in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly stop: Stop;
  /** Whether an earlier node started it, and has shown and reported that. */
  readonly isResumed: boolean;
  /** What runs it, once something does. */
  execution?: Execution;
}

/** How long a command waits whose start could not be stored. */
const RETRY_START_MS = 2_000;

/** What became of a command that was stopped before its start. */
const NOT_STARTED: Exit = { type: "not_started", why: "it was stopped before" };

/** Enough for the end of it that the platform wants to see. */
const STDERR_BYTES = 16 * 1024;

/** Runs commands. */
export class CommandRunner {
  readonly #parts: CommandRunnerParts;
  readonly #runs = new Map<string, Run>();
  readonly #tasks: Tasks;
  readonly #leaving = new AbortController();
  #isOpen = false;

  /** Makes a runner that starts nothing before `open()`. */
  constructor(parts: CommandRunnerParts) {
    this.#parts = parts;
    this.#tasks = new Tasks(parts.logger);
    for (const executor of parts.executors) executor.onRoom = () => this.startNext();
  }

  /** Starts what waits, and from now on what comes. */
  open(): void {
    this.#isOpen = true;
    this.startNext();
  }

  /** Starts every command whose turn it is. */
  startNext(): void {
    while (this.#isOpen) {
      const turn = this.#parts.queue.next();
      if (turn === undefined) return;
      this.#tasks.add(this.run(turn.command, turn.place));
    }
  }

  /** Runs a command whose turn it is, to its reply. */
  async run(command: Command, place: Reservation): Promise<void> {
    const { journal, clock } = this.#parts;
    const obstacle = this.#obstacle(command);
    if (obstacle !== undefined) {
      place.release();
      return await this.conclude(command, notStarted(obstacle));
    }
    const run = this.#enter(command, clock.now());
    let work: Work;
    try {
      work = this.#workFor(command);
      await journal.commit(() => journal.start(command.id, place.handle));
    } catch (error) {
      place.release();
      return await this.#startLater(run, error);
    }
    await this.supervise(run, place.start(work));
  }

  /** Sees a command that runs to its reply. Recovery of what still runs enters here. */
  async supervise(run: Run, execution: Execution): Promise<void> {
    const { stop } = run;
    run.execution = execution;
    stop.watch(execution);
    const beside = [
      this.#recordStart(run, execution),
      this.#showOutput(run),
      this.#parts.uploads.watch(run.command, stop.over),
    ];
    const exit = await orAbort(execution.exit, this.#leaving.signal);
    stop[Symbol.dispose]();
    if (exit === undefined) execution.detach();
    await Promise.all(beside);
    if (exit !== undefined) await this.end(run, exit);
  }

  /** Answers a command that ran. Recovery of what ended without a node enters here. */
  async end({ command, stop }: Run, exit: Exit): Promise<void> {
    stop[Symbol.dispose]();
    const timeout = this.#parts.settings.timeout[command.kind];
    await this.conclude(command, outcomeOf(exit, stop.request, timeout));
  }

  /** Answers a command, whose outcome is known. */
  async conclude(command: Command, outcome: Outcome): Promise<void> {
    const { journal, outbox, queue, uploads, events, clock, logger, settings } = this.#parts;
    const { startedAt = clock.now(), execution } = this.#runs.get(command.id) ?? {};
    const folder = this.#parts.folderOf(command.id);
    const files = await uploads.take(command, outcome);
    const reply = replyTo(command, outcome, folder, settings.maxOutput);
    const statuses = this.#statusesOf(command, outcome, files.length, execution?.pid);
    const end = { ...outcome.end, ...folder.usage() };
    const what = `the end of ${nameOf(command)}`;
    const stored = await commitUntilStored(what, this.#parts, this.#leaving.signal, () => {
      uploads.record(command, files);
      const replies = journal.end(command.id, end, [reply], files.length > 0);
      return [...replies, ...statuses.map((status) => journal.messages.post(status))];
    });
    this.#runs.delete(command.id);
    command.token?.[Symbol.dispose]();
    if (stored === undefined) return;
    outbox.send(stored);
    queue.left(command);
    const seconds = (clock.now() - startedAt) / 1000;
    logger.info(`${nameOf(command)} ${describeOutcome(outcome)} after ${seconds.toFixed(1)} s`);
    events.emit("ended", { command: infoOf(command), outcome, seconds });
    this.startNext();
    if (files.length > 0) uploads.begin(command);
  }

  /** Asks a command that runs to stop, and answers one that waits. */
  cancel(command: Command, signal: StopRequest["signal"], cause: StopRequest["cause"]): void {
    const run = this.#runs.get(command.id);
    if (run !== undefined) return run.stop.ask(cause, signal);
    if (!this.#parts.queue.take(command)) return;
    const stop = { cause, signal, at: this.#parts.clock.now() };
    this.#tasks.add(this.conclude(command, outcomeOf(NOT_STARTED, stop)));
  }

  /** Takes charge of a command that an earlier node has started. */
  resume(command: Command, startedAt: number, stop: StopRequest | undefined): Run {
    this.#parts.queue.resume(command);
    return this.#enter(command, startedAt, stop, true);
  }

  /** Sees to what recovery found, beside all else. */
  track(task: Promise<void>): void {
    this.#tasks.add(task);
  }

  /** The commands in hand. */
  runs(): Run[] {
    return [...this.#runs.values()];
  }

  /** Lets go of everything: what runs goes on without the node, what waits is in the journal. */
  async leave(): Promise<void> {
    this.#isOpen = false;
    this.#leaving.abort(new Error("The node stops"));
    await this.#tasks.done();
  }

  /** Why a command that waited can never be run as it was meant; `undefined`: it can. */
  #obstacle({ kind, hasToken, token }: Command): string | undefined {
    if (this.#parts.settings[kind] === undefined) return notConfigured(kind);
    if (!hasToken || token !== undefined) return undefined;
    return "The node restarted before the workload began, and its token was not kept";
  }

  #workFor(command: Command): Work {
    const { journal, uploads, folderOf } = this.#parts;
    const params = journal.params(command.id);
    return workFor(command, params, folderOf(command.id), uploads.folderFor(command));
  }

  #enter(command: Command, startedAt: number, earlier?: StopRequest, isResumed = false): Run {
    const { settings, journal, clock, logger } = this.#parts;
    const store = (id: string, request: StopRequest) =>
      journal.commit(() => journal.requestStop(id, request));
    const stop = new Stop(command, { ...settings, clock, logger, store }, earlier);
    const run = { command, startedAt, stop, isResumed };
    this.#runs.set(command.id, run);
    return run;
  }

  /** Puts a command back that could not be started now, as on a full disk. */
  async #startLater({ command, stop }: Run, error: unknown): Promise<void> {
    const { queue, clock, logger } = this.#parts;
    logger.error(`Cannot start ${nameOf(command)}: ${messageOf(error)}; retrying`);
    this.#runs.delete(command.id);
    if (stop.request !== undefined) {
      return await this.conclude(command, outcomeOf(NOT_STARTED, stop.request));
    }
    stop[Symbol.dispose]();
    await clock.sleep(RETRY_START_MS, this.#leaving.signal).catch(() => {});
    queue.putBack(command);
    this.startNext();
  }

  /** Stores by which process a command is found again, and reports that it runs. */
  async #recordStart({ command, stop, isResumed }: Run, execution: Execution): Promise<void> {
    if (isResumed) return;
    const { journal, outbox, platformStatus, events, logger } = this.#parts;
    const handle = await orAbort(execution.started, stop.over);
    if (handle === undefined) return;
    const pid = handle.process?.pid ?? execution.pid;
    logger.info(`${nameOf(command)} started as process ${pid} (id ${command.id})`);
    events.emit("started", { command: infoOf(command), pid });
    const what = `the start of ${nameOf(command)}`;
    const stored = await commitUntilStored(what, this.#parts, stop.over, () => {
      journal.running(command.id, handle);
      return platformStatus.started(command, pid).map((status) => journal.messages.post(status));
    });
    outbox.send(stored ?? []);
  }

  #statusesOf(command: Command, outcome: Outcome, files: number, pid: number | undefined) {
    const { platformStatus, folderOf } = this.#parts;
    if (files > 0) return platformStatus.finalizing(command, files);
    const stderr = () => folderOf(command.id).excerpt("stderr", STDERR_BYTES).text;
    return platformStatus.ended(command, outcome, pid, stderr);
  }

  #showOutput({ command, stop, isResumed }: Run): Promise<void> {
    const folder = this.#parts.folderOf(command.id);
    return showOutput(command, folder, isResumed, this.#parts, stop.over);
  }
}
