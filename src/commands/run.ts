/**
 * The story of a command, from its turn to its reply. A node that restarts enters it in the middle.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Execution, Exit, Reservation, Unavailable, Work } from "../executors/executor.ts";
import type { CommandRecord, StopRequest } from "../journal/record.ts";
import { commitUntilStored } from "../journal/until_stored.ts";
import { orAbort } from "../time.ts";
import type { SmallOutput } from "../workloads/folder.ts";
import { type Command, fieldsOf, infoOf, nameOf } from "./command.ts";
import { endingOf } from "./ending.ts";
import { logEnd } from "./log_end.ts";
import { notStarted, type Outcome, outcomeOf } from "./outcome.ts";
import { ProgressReport } from "./progress_report.ts";
import { notConfigured, toAll } from "./reply.ts";
import { showOutput } from "./show_output.ts";
import { recordStart } from "./record_start.ts";
import type { CommandRunnerParts, Run } from "./runner_parts.ts";
import { Stop } from "./stop.ts";
import { Tasks } from "./tasks.ts";
import { isPermanent, workFor } from "./work.ts";

/** How long a command waits whose start could not be stored. */
const RETRY_START_MS = 2_000;

/** How a command ends that was stopped before its start. */
const NOT_STARTED = { type: "not_started", why: "it was stopped before" } as const;

/** Runs commands. */
export class CommandRunner {
  readonly #parts: CommandRunnerParts;
  readonly #runs = new Map<string, Run>();
  readonly #tasks: Tasks;
  readonly #leaving = new AbortController();
  #isOpen = false;
  #hasRecovered = false;

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

  /** What an earlier node left is in the queue. */
  recovered(): void {
    this.#hasRecovered = true;
    this.startNext();
  }

  /** Starts every command whose turn it is. */
  startNext(): void {
    // Before, what still runs may not be known.
    if (this.#hasRecovered) this.#parts.queue.updateYielding();
    while (this.#isOpen) {
      const turn = this.#parts.queue.next();
      if (turn === undefined) return;
      this.#tasks.add(this.run(turn.command, turn.place, turn.gpus));
    }
  }

  /**
   * Runs a command whose turn it is, to its reply. That may be in the transaction that accepts it, so
   * that its start is stored with it.
   */
  async run(
    command: Command,
    place: Reservation | Unavailable,
    gpus?: readonly string[],
  ): Promise<void> {
    const { journal, queue, clock } = this.#parts;
    if ("problem" in place) return await this.#refuse(command, place.problem);
    const obstacle = this.#obstacle(command);
    if (obstacle !== undefined) {
      place.release();
      return await this.#refuse(command, obstacle);
    }
    const run = this.#enter(command, clock.now(), { gpus });
    let work: Work;
    try {
      work = this.#workFor(run);
      place.prepare?.(work.folder);
      await journal.commit(() => journal.start(command.id, { ...place.handle, gpus }));
    } catch (error) {
      place.release();
      if (!queue.isInHand(command)) return this.#forget(run);
      return await this.#startLater(run, error);
    }
    // It may have been stopped while that was stored.
    if (run.stop.request !== undefined) {
      place.release();
      return await this.end(run, NOT_STARTED);
    }
    if (this.#leaving.signal.aborted) {
      place.release();
      return await this.#leaveQueued(run);
    }
    await this.supervise(run, place.start(work));
  }

  /** Follows a running command to its reply. Recovery of what still runs enters here. */
  async supervise(run: Run, execution: Execution): Promise<void> {
    const { stop } = run;
    run.execution = execution;
    stop.watch(execution);
    run.progress.follow(execution);
    // Its end is stored after that, or in one transaction with it.
    this.#tasks.add(recordStart(run, execution, this.#parts));
    // Nothing that fails here keeps the command from its reply.
    const beside = new Tasks(this.#parts.logger);
    beside.add(showOutput(run, this.#parts));
    beside.add(this.#parts.uploads.watch(run.command, stop.over));
    const exit = await orAbort(execution.exit, this.#leaving.signal);
    stop[Symbol.dispose]();
    if (exit === undefined) execution.detach();
    await beside.done();
    if (exit === undefined) return;
    const mayRunLater = exit.type === "not_started" && exit.mayRunLater;
    if (mayRunLater && stop.request === undefined) await this.#startAgain(run);
    else await this.end(run, exit);
  }

  /** Answers a command that ran. Recovery of what ended without a node enters here. */
  async end({ command, stop }: Run, exit: Exit): Promise<void> {
    stop[Symbol.dispose]();
    const timeout = this.#parts.settings.timeout[command.kind];
    await this.conclude(command, outcomeOf(exit, stop.request, timeout));
  }

  /** Answers a command, whose outcome is known. */
  async conclude(command: Command, outcome: Outcome): Promise<void> {
    const { journal, outbox, queue, uploads, events, clock, logger } = this.#parts;
    const { startedAt = clock.now(), execution, used } = this.#runs.get(command.id) ?? {};
    const ending = await endingOf(command, outcome, { execution, used }, this.#parts);
    const what = `the end of ${nameOf(command)}`;
    const { files, end, reply, statuses } = ending;
    const stored = await commitUntilStored(what, this.#parts, this.#leaving.signal, () => {
      uploads.record(command, files);
      journal.outputs.store(command.id, outcome.output ?? {});
      const replies = toAll(reply, journal.requesters.of(command.id));
      const owed = journal.end(command.id, end, replies, files.length > 0);
      return [...owed, ...statuses.map((status) => journal.messages.post(status))];
    });
    this.#runs.delete(command.id);
    command.token?.[Symbol.dispose]();
    if (stored === undefined) return;
    execution?.stored?.();
    queue.left(command);
    outbox.send(stored);
    const seconds = (clock.now() - startedAt) / 1000;
    logEnd(command, { outcome: ending.outcome, pid: execution?.pid, seconds }, logger);
    events.emit("ended", { command: infoOf(command), outcome: ending.outcome, seconds });
    this.startNext();
    if (files.length > 0) uploads.begin(command);
  }

  /**
   * Asks a command that runs to stop, and answers one that waits. Resolves once the request is on
   * disk, with whether there was such a command.
   */
  async cancel(
    command: Command,
    signal: StopRequest["signal"],
    cause: StopRequest["cause"],
  ): Promise<boolean> {
    const run = this.#runs.get(command.id);
    if (run !== undefined) return await run.stop.ask(cause, signal);
    if (!this.#parts.queue.take(command)) return false;
    const stop = this.#stopFor(command);
    const stored = stop.ask(cause, signal);
    this.#tasks.add(
      stored.then(() => this.conclude(command, outcomeOf(NOT_STARTED, stop.request))),
    );
    return await stored;
  }

  /** Adds a command that an earlier node has started. */
  resume(command: CommandRecord, startedAt: number, used?: Run["used"]): Run {
    this.#parts.queue.resume(command);
    const { stop, handle } = command;
    return this.#enter(command, startedAt, { isResumed: true, gpus: handle?.gpus, used }, stop);
  }

  /** Runs what recovery found, in the background. */
  track(task: Promise<void>): void {
    this.#tasks.add(task);
  }

  /** What a command in hand printed that is in no file; `undefined`: it is not in hand. */
  outputOf(id: string): SmallOutput | undefined {
    return this.#runs.get(id)?.execution?.output;
  }

  /** The commands in hand. */
  runs(): Run[] {
    return [...this.#runs.values()];
  }

  /** Stops watching everything: what runs goes on without the node, what waits is in the journal. */
  async leave(): Promise<void> {
    this.#isOpen = false;
    this.#leaving.abort(new Error("The node stops"));
    await this.#tasks.done();
  }

  /** Why a command that waited can never be run as it was meant; `undefined`: it can. */
  #obstacle({ kind, hasToken, token }: Command): string | undefined {
    if (!this.#parts.kinds.includes(kind)) return notConfigured(kind);
    if (!hasToken || token !== undefined) return undefined;
    return "The node restarted before the workload began, and its token was not kept";
  }

  /** What its executor is given. */
  #workFor({ command, gpus }: Run): Work {
    const { journal, uploads, folderOf } = this.#parts;
    const folder = folderOf(command.id);
    const given = {
      ...this.#parts.variablesFor(command.id),
      ...uploads.variablesFor(command),
      ...(gpus && this.#parts.gpus?.environment(gpus)),
    };
    return workFor(command, journal.params(command.id), folder, given);
  }

  /** Answers a command that cannot be run, unless it cannot be accepted either. */
  async #refuse(command: Command, why: string): Promise<void> {
    await this.#parts.journal.commit(() => {}).catch(() => {});
    if (this.#parts.queue.isInHand(command)) await this.conclude(command, notStarted(why));
  }

  #forget({ command, stop }: Run): void {
    stop[Symbol.dispose]();
    this.#runs.delete(command.id);
  }

  #enter(
    command: Command,
    startedAt: number,
    known: Pick<Run, "gpus" | "used"> & Partial<Pick<Run, "isResumed">>,
    earlier?: StopRequest,
  ): Run {
    const progress = new ProgressReport(command, this.#parts.folderOf(command.id), this.#parts);
    const stop = this.#stopFor(command, earlier);
    const run = { isResumed: false, ...known, command, startedAt, stop, progress };
    this.#runs.set(command.id, run);
    return run;
  }

  #stopFor(command: Command, earlier?: StopRequest): Stop {
    const { settings, journal, clock, logger } = this.#parts;
    const store = (id: string, request: StopRequest) =>
      journal.commit(() => journal.requestStop(id, request));
    return new Stop(command, { ...settings, clock, logger, store }, earlier);
  }

  /** Puts a command back that could not be started now, as on a full disk. */
  async #startLater(run: Run, error: unknown): Promise<void> {
    const { queue, clock, logger } = this.#parts;
    const { command, stop } = run;
    if (isPermanent(error)) return await this.end(run, { ...NOT_STARTED, why: messageOf(error) });
    const problem = `Cannot start ${nameOf(command)}: ${messageOf(error)}; retrying`;
    logger.error(problem, fieldsOf(command));
    // It stays in hand, so that it can be cancelled.
    await clock.sleep(RETRY_START_MS, this.#leaving.signal).catch(() => {});
    if (stop.request !== undefined) return await this.end(run, NOT_STARTED);
    this.#forget(run);
    queue.putBack(command);
    this.startNext();
  }

  /** Puts a command back that never began, since what was to run it has ended. */
  async #startAgain(run: Run): Promise<void> {
    const { journal, queue, logger } = this.#parts;
    const { command, execution } = run;
    logger.info(`${nameOf(command)} did not start and waits again`, fieldsOf(command));
    execution?.stored?.();
    this.#forget(run);
    queue.putBack(command);
    // Its next start, which is stored after that, makes up for it if this fails.
    await journal.commit(() => journal.requeue(command.id)).catch(() => {});
    this.startNext();
  }

  /** Leaves a command that is about to start to the next node. */
  async #leaveQueued(run: Run): Promise<void> {
    const { command } = run;
    this.#forget(run);
    const requeue = () => this.#parts.journal.requeue(command.id);
    const what = `that ${nameOf(command)} did not start`;
    await commitUntilStored(what, this.#parts, this.#leaving.signal, requeue);
  }
}
