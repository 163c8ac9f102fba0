/**
 * A worker that is there again after each end: started, found again, restarted, given up for a while.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import { orAbort, within } from "../../time.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import { Restarts } from "../warm/restarts.ts";
import { yieldingTo } from "../warm/yielding.ts";
import type { ExecutorState, ExecutorStatus, Handle, Recovered, Work } from "../executor.ts";
import { CommandsInHand } from "./commands_in_hand.ts";
import { handleFor, handOver } from "./hand_over.ts";
import { type EarlierWorker, findEarlier, noteReady, readyFor } from "./earlier_worker.ts";
import { cancelLine } from "./protocol.ts";
import { OneTimer } from "./one_timer.ts";
import { recoverCommand } from "./recover_command.ts";
import { askToLeave, attachProcess, startProcess } from "./start_process.ts";
import { type Holder, WorkerExecution } from "./worker_execution.ts";
import { describeEnd } from "./worker_files.ts";
import type { WorkerProcess } from "./worker_process.ts";
import { isDue, type ProcessListener, whyToReplace, type WorkerOptions } from "./worker_options.ts";

/** A worker. */
export class Worker implements Holder {
  /** Resolves when it is known what an earlier node has left, and a worker is there or on its way. */
  readonly found: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #inHand: CommandsInHand;
  readonly #restarts: Restarts;
  readonly #leaving = new AbortController();
  readonly #listener: ProcessListener = {
    line: (line, isCut) => this.#inHand.takeLine(line, isCut),
    errorLine: (line) => this.#inHand.print(line),
    ended: (code) => this.#ended(code),
  };
  /** What happens in time unless it is aborted: that loading took too long, or a start. */
  readonly #timer: OneTimer;
  #earlier: EarlierWorker | undefined;
  #process: WorkerProcess | undefined;
  #status: ExecutorStatus = { state: "starting" };
  #reserved = 0;
  #concurrency: number;
  /** How many commands this process was handed over. */
  #handled = 0;
  /** Why it is being ended. */
  #ending: string | undefined;
  /** The command because of which it is killed. */
  #stubborn: string | undefined;
  #isUnloading = false;
  #hasFound = false;
  /** Whether it makes room for others; `undefined`: that is not known yet. */
  #isYielding: boolean | undefined;
  #killing: Promise<void> = Promise.resolve();

  /** Looks for what an earlier node has left, and starts. */
  constructor(options: WorkerOptions) {
    const { logger, program } = options;
    this.#options = options;
    this.#restarts = new Restarts(options.clock, options.random);
    this.#timer = new OneTimer(options.clock);
    this.#concurrency = program.concurrency;
    this.#isYielding = program.yieldTo === undefined ? false : undefined;
    this.#inHand = new CommandsInHand({
      ready: (concurrency = program.concurrency) => this.#becomeReady(concurrency),
      answered: () => this.#afterCommand(),
      left: () => this.#changed(),
      logger,
    });
    this.found = this.#find();
  }

  get status(): ExecutorStatus {
    if (this.#isYielding) return yieldingTo(this.#options.program.yieldTo!);
    return this.#status.state === "ready" && this.room === 0 ? { state: "busy" } : this.#status;
  }

  get pid(): number | undefined {
    return this.#process?.identity?.pid;
  }

  get count(): number {
    return this.#inHand.count;
  }

  /** Whether it has nothing in hand, and nothing is about to be. */
  get #isIdle(): boolean {
    return this.count + this.#reserved === 0;
  }

  /** How many more commands it takes now. */
  get room(): number {
    if (this.#isYielding !== false) return 0;
    if (this.#status.state !== "ready" || this.#ending !== undefined || this.#process?.isFull) {
      return 0;
    }
    return this.#concurrency - this.count - this.#reserved;
  }

  /** A place, which is given back with `release()` or used with `hand()`. Recovery is over then. */
  take(id: string): Handle {
    this.#reserved++;
    this.#inHand.recoveryIsOver();
    return handleFor(id, this.#process!, this.#options);
  }

  release(): void {
    this.#reserved--;
    this.#changed();
  }

  /** Whether it makes room for others and nothing of it runs. */
  get hasYielded(): boolean {
    return this.#isYielding === true && this.#hasFound && this.#process === undefined;
  }

  /** Says whether it has to make room for others. */
  setYielding(isYielding: boolean): void {
    if (this.#isYielding === isYielding) return;
    this.#isYielding = isYielding;
    if (this.#hasFound && this.#process === undefined) {
      this.#timer.clear();
      this.#options.gpus.release();
      if (!isYielding) return this.#start();
    }
    this.#changed();
  }

  /** Hands a command over. */
  hand(handle: Handle, work: Work): WorkerExecution {
    this.#reserved--;
    const execution = this.#execution(handle, work.id, work.folder);
    handOver(this.#process, work, execution);
    this.#handled++;
    return execution;
  }

  /** What happened to an attempt of an earlier node. */
  async recover(handle: Handle, folder: WorkloadFolder): Promise<Recovered> {
    await this.found;
    return await recoverCommand(handle, {
      bootId: this.#options.host.bootId,
      earlier: this.#earlier,
      takeAnswer: (id) => this.#inHand.takeAnswer(id),
      execution: (id) => this.#execution(handle, id, folder),
      endWorker: (why) => this.#kill(why),
    });
  }

  cancel(id: string, signal: StopSignal): void {
    this.#process?.send(cancelLine(id, signal));
  }

  stored(id: string): void {
    this.#inHand.stored(id);
    if (this.#inHand.areAllStored) this.#process?.tidy();
  }

  kill(id: string): void {
    this.#stubborn = id;
    this.#kill("another command in its hands did not stop");
  }

  /** Leaves it running: the next node finds it. */
  async leave(): Promise<void> {
    await this.found;
    this.#leaving.abort();
    this.#timer.clear();
    await this.#killing;
    this.#process?.leave();
    this.#status = { state: "stopped" };
  }

  /** Ends it for good: asks it to leave, and kills it if it does not. */
  async unload(): Promise<void> {
    await this.found;
    const { clock, program: { unloadTimeout } } = this.#options;
    this.#isUnloading = true;
    this.#timer.clear();
    const process = this.#process;
    if (process === undefined) return;
    this.#retire("the node was stopped");
    await within(unloadTimeout * 1000, clock, (tooLate) => orAbort(process.over, tooLate));
    if (this.#process === process) this.#kill("the node was stopped");
    await this.#killing;
  }

  async #find(): Promise<void> {
    const { folder, logger } = this.#options;
    const earlier = this.#earlier = await findEarlier(folder, this.#options, this.#listener.line);
    this.#hasFound = true;
    if (this.#leaving.signal.aborted) return;
    if (earlier?.process === undefined) return this.#start();
    const { process } = earlier;
    this.#process = attachProcess({ ...earlier, process }, this.#options, this.#listener);
    this.#process.read();
    const [why, concurrency] = [whyToReplace(earlier.program, this.#options), readyFor(folder)];
    if (why !== undefined) this.#retire(why);
    else if (concurrency !== undefined) {
      logger.info(`Worker ${process.pid} is still loaded`);
      this.#becomeReady(concurrency);
    } else this.#limitLoading();
    this.#changed();
  }

  /** Starts a process, unless others need its place: it is started when they do not any more. */
  #start(): void {
    const { program, logger, gpus, onChange } = this.#options;
    const isLeaving = this.#isUnloading || this.#leaving.signal.aborted;
    if (this.#isYielding !== false || isLeaving) return onChange();
    if (!gpus.take(() => this.#start())) return this.#setState("starting", "it waits for GPUs");
    this.#setState("starting");
    this.#handled = 0;
    try {
      this.#process = startProcess(this.#options, this.#listener);
    } catch (error) {
      return this.#crashed(`The worker cannot be started: ${messageOf(error)}`);
    }
    logger.info(`Starting a worker: ${program.command}`);
    if (program.ready) this.#limitLoading();
    else this.#becomeReady(program.concurrency);
  }

  #limitLoading(): void {
    const { readyTimeout } = this.#options.program;
    this.#timer.set(readyTimeout * 1000, () => {
      this.#setState("failed", `The worker was not ready within ${readyTimeout} s`);
      this.#kill();
    });
  }

  #becomeReady(concurrency: number): void {
    this.#timer.clear();
    this.#concurrency = Math.min(concurrency, this.#options.program.concurrency);
    if (this.#process === undefined) return;
    noteReady(this.#options.folder, this.#concurrency);
    this.#restarts.ready();
    this.#setState("ready");
  }

  #afterCommand(): void {
    this.#restarts.worked();
    if (this.#isIdle && isDue(this.#handled, this.#options)) this.#retire("restart_after");
    this.#changed();
  }

  /** Asks it to finish what it has in hand and to leave. Its supervisor kills it if it does not. */
  #retire(why: string): void {
    this.#ending = why;
    this.#setState("restarting", why);
    const leaving = () => this.#ending === why ? this.#process : undefined;
    void askToLeave(leaving, this.#options.clock, this.#leaving.signal);
  }

  #ended(code: number | undefined): void {
    this.#process = undefined;
    this.#timer.clear();
    this.#options.gpus.release();
    const intended = this.#ending && `The worker was stopped: ${this.#ending}`;
    const why = intended ?? describeEnd(code, this.#inHand.lastLines);
    this.#inHand.end(why, this.#stubborn);
    this.#ending = this.#stubborn = undefined;
    if (this.#isUnloading) return this.#setState("stopped");
    if (intended !== undefined || this.#isYielding) return this.#start();
    this.#crashed(this.#status.state === "failed" ? this.#status.reason! : why);
  }

  /** Starts it again after a while: a long one after several crashes in a row. */
  #crashed(why: string): void {
    const { hasFailed, waitMs } = this.#restarts.crashed();
    this.#options.logger.error(`${why}; starting it again in ${Math.ceil(waitMs / 1000)} s`);
    this.#setState(hasFailed || this.#status.state === "failed" ? "failed" : "restarting", why);
    this.#timer.set(waitMs, () => this.#start());
  }

  /** Kills it; with a reason, another one is started at once. */
  #kill(why?: string): void {
    this.#ending = why;
    this.#killing = this.#process?.kill() ?? Promise.resolve();
  }

  #execution(handle: Handle, id: string, folder: WorkloadFolder): WorkerExecution {
    const { maxOutputFiles, clock } = this.#options;
    const options = { id, handle, folder, holder: this, maxOutputFiles, clock };
    return this.#inHand.add(new WorkerExecution(options));
  }

  /** Its state or its room is another one: it may have nothing in hand any more. */
  #changed(): void {
    const mayEnd = this.#process !== undefined && this.#ending === undefined && this.#isIdle;
    if (this.#isYielding && mayEnd) return this.#retire("it makes room");
    this.#options.onChange();
  }

  #setState(state: ExecutorState, reason?: string): void {
    this.#status = reason === undefined ? { state } : { state, reason };
    this.#changed();
  }
}
