/**
 * A worker that is there again after each end: started, found again, restarted, given up for a while.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../../errors.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import { orAbort, within } from "../../time.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import { Restarts } from "../warm/restarts.ts";
import type { ExecutorState, ExecutorStatus, Handle, Recovered, Work } from "../executor.ts";
import { CommandsInHand } from "./commands_in_hand.ts";
import { findPast, noteReady, type Past, wasReady } from "./past.ts";
import { cancelLine } from "./protocol.ts";
import { attemptOf, readAttempt, recoverCommand } from "./recover_command.ts";
import { requestFor } from "./request.ts";
import { type Holder, WorkerExecution } from "./worker_execution.ts";
import { describeEnd, makeFolder } from "./worker_files.ts";
import { WorkerLife } from "./worker_life.ts";
import {
  fingerprintOf,
  type LifeListener,
  lifeOptionsOf,
  type WorkerOptions,
} from "./worker_options.ts";

/** How often a worker that is to leave is asked to, until it has. */
const ASKING_MS = 1_000;

/** A worker. */
export class Worker implements Holder {
  /** Resolves when it is known what an earlier node has left, and a worker is there or on its way. */
  readonly found: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #inHand: CommandsInHand;
  readonly #restarts: Restarts;
  readonly #leaving = new AbortController();
  readonly #listener: LifeListener;
  #loading = new AbortController();
  #past: Past | undefined;
  #life: WorkerLife | undefined;
  #state: ExecutorState = "starting";
  #reason: string | undefined;
  #reserved = 0;
  #concurrency: number;
  /** How many commands this process was handed over. */
  #handled = 0;
  /** Why it is being ended. */
  #ending: string | undefined;
  /** The command because of which it is killed. */
  #stubborn: string | undefined;
  #isUnloading = false;
  #killing: Promise<void> = Promise.resolve();

  /** Looks for what an earlier node has left, and starts. */
  constructor(options: WorkerOptions) {
    const { logger, program } = options;
    this.#options = options;
    this.#restarts = new Restarts(options.clock, options.random);
    this.#concurrency = program.concurrency;
    this.#inHand = new CommandsInHand({
      ready: (concurrency = program.concurrency) => this.#becomeReady(concurrency),
      answered: () => this.#afterCommand(),
      printed: (line) => logger.info(line),
    });
    this.#listener = {
      line: (line, isCut) => this.#inHand.takeLine(line, isCut),
      errorLine: (line) => this.#inHand.print(line),
      ended: (code) => this.#ended(code),
    };
    this.found = this.#find();
  }

  get status(): ExecutorStatus {
    const state = this.#state === "ready" && this.room === 0 ? "busy" : this.#state;
    return this.#reason === undefined ? { state } : { state, reason: this.#reason };
  }

  get pid(): number | undefined {
    return this.#life?.process?.pid;
  }

  get count(): number {
    return this.#inHand.count;
  }

  /** How many more commands it takes now. */
  get room(): number {
    if (this.#state !== "ready" || this.#ending !== undefined || this.#life?.isFull) return 0;
    return this.#concurrency - this.count - this.#reserved;
  }

  /** A place, which is given back with `release()` or used with `hand()`. Recovery is over then. */
  take(id: string): Handle {
    this.#reserved++;
    this.#inHand.recoveryIsOver();
    const { name, number, host: { bootId } } = this.#options;
    const { process, id: life } = this.#life!;
    const attempt = attemptOf(number, life, id);
    return { executor: name, attempt, bootId, ...(process && { process }) };
  }

  release(): void {
    this.#reserved--;
    this.#options.onChange();
  }

  /** Hands a command over. */
  hand(handle: Handle, work: Work): WorkerExecution {
    this.#reserved--;
    const execution = this.#execution(handle, work.id, work.folder);
    const life = this.#life;
    if (life === undefined || readAttempt(handle.attempt).life !== life.id) {
      execution.end({ type: "not_started", why: "its worker has ended" });
      return execution;
    }
    try {
      const line = requestFor(work);
      life.handed.before(work.id);
      life.send(line, () => {
        life.handed.after(work.id);
        execution.begin();
      });
      this.#handled++;
    } catch (error) {
      execution.end({ type: "not_started", why: `it cannot be handed over: ${messageOf(error)}` });
    }
    return execution;
  }

  /** What happened to an attempt of an earlier node. */
  async recover(handle: Handle, folder: WorkloadFolder): Promise<Recovered> {
    await this.found;
    return await recoverCommand(handle, {
      bootId: this.#options.host.bootId,
      past: this.#past,
      claim: (id) => this.#inHand.claim(id),
      execution: (id) => this.#execution(handle, id, folder),
      endWorker: (why) => this.#kill(why),
    });
  }

  cancel(id: string, signal: StopSignal): void {
    this.#life?.send(cancelLine(id, signal));
  }

  stored(id: string): void {
    this.#inHand.stored(id);
    if (this.#inHand.areAllStored) this.#life?.tidy();
  }

  kill(id: string): void {
    this.#stubborn = id;
    this.#kill("another command in its hands did not stop");
  }

  /** Leaves it running: the next node finds it. */
  async leave(): Promise<void> {
    await this.found;
    this.#leaving.abort();
    this.#loading.abort();
    await this.#killing;
    this.#life?.leave();
    this.#state = "stopped";
  }

  /** Ends it for good: asks it to leave, and kills it if it does not. */
  async unload(): Promise<void> {
    await this.found;
    const { clock, program: { unloadTimeout } } = this.#options;
    this.#isUnloading = true;
    const life = this.#life;
    if (life === undefined) return;
    void this.#retire("the node was stopped");
    await within(unloadTimeout * 1000, clock, (tooLate) => orAbort(life.over, tooLate));
    if (this.#life === life) this.#kill("the node was stopped");
    await this.#killing;
  }

  async #find(): Promise<void> {
    const { folder, host, logger } = this.#options;
    const past = this.#past = await findPast(folder, host, this.#listener.line);
    if (this.#leaving.signal.aborted) return;
    if (past?.process === undefined) return this.#start();
    this.#life = WorkerLife.attach(
      past.life,
      past.process,
      lifeOptionsOf(this.#options),
      this.#listener,
    );
    this.#life.read();
    if (past.program !== fingerprintOf(this.#options)) {
      void this.#retire("its command was changed");
    } else if (wasReady(folder)) {
      logger.info(`Worker ${past.process.pid} is still loaded`);
      this.#becomeReady(this.#concurrency);
    } else this.#limitLoading();
  }

  #start(): void {
    const { folder, files, program, host: { bootId }, logger } = this.#options;
    this.#setState("starting");
    this.#handled = 0;
    try {
      const life = { id: crypto.randomUUID(), bootId, program: fingerprintOf(this.#options) };
      makeFolder(folder, files, life);
      this.#life = WorkerLife.start(life.id, lifeOptionsOf(this.#options), this.#listener);
    } catch (error) {
      return this.#crashed(`The worker cannot be started: ${messageOf(error)}`);
    }
    logger.info(`Starting a worker: ${program.command}`);
    if (program.ready) this.#limitLoading();
    else this.#becomeReady(program.concurrency);
  }

  #limitLoading(): void {
    const { clock, program: { readyTimeout } } = this.#options;
    this.#loading = new AbortController();
    clock.sleep(readyTimeout * 1000, this.#loading.signal).then(() => {
      this.#setState("failed", `The worker was not ready within ${readyTimeout} s`);
      this.#kill();
    }, () => {});
  }

  #becomeReady(concurrency: number): void {
    this.#loading.abort();
    this.#concurrency = Math.min(concurrency, this.#options.program.concurrency);
    if (this.#life === undefined) return;
    noteReady(this.#options.folder);
    this.#restarts.ready();
    this.#setState("ready");
  }

  #afterCommand(): void {
    const { program: { restartAfter, workers }, random } = this.#options;
    this.#restarts.worked();
    // Several workers are not replaced at the same time.
    const due = restartAfter * (workers === 1 ? 1 : 0.9 + 0.2 * random());
    const isIdle = this.count + this.#reserved === 0;
    if (restartAfter > 0 && this.#handled >= due && isIdle) void this.#retire("restart_after");
    this.#options.onChange();
  }

  /** Asks it to finish what it has in hand and to leave. Its supervisor kills it if it does not. */
  async #retire(why: string): Promise<void> {
    this.#ending = why;
    this.#setState("restarting", why);
    while (this.#ending === why && !this.#leaving.signal.aborted) {
      this.#life?.end();
      await this.#options.clock.sleep(ASKING_MS, this.#leaving.signal).catch(() => {});
    }
  }

  #ended(code: number | undefined): void {
    this.#life = undefined;
    this.#loading.abort();
    const intended = this.#ending && `The worker was ended: ${this.#ending}`;
    const why = intended ?? describeEnd(code, this.#inHand.lastLines);
    this.#inHand.end(why, this.#stubborn);
    this.#ending = this.#stubborn = undefined;
    if (this.#isUnloading) return this.#setState("stopped");
    if (intended !== undefined) return this.#start();
    this.#crashed(this.#state === "failed" ? this.#reason! : why);
  }

  /** Starts it again after a while: a long one after several crashes in a row. */
  #crashed(why: string): void {
    const { logger, clock } = this.#options;
    const { hasFailed, waitMs } = this.#restarts.crashed();
    logger.error(`${why}; starting it again in ${Math.ceil(waitMs / 1000)} s`);
    this.#setState(hasFailed || this.#state === "failed" ? "failed" : "restarting", why);
    clock.sleep(waitMs, this.#leaving.signal).then(() => this.#start(), () => {});
  }

  /** Kills it; with a reason, another one is started at once. */
  #kill(why?: string): void {
    this.#ending = why;
    this.#killing = this.#life?.kill() ?? Promise.resolve();
  }

  #execution(handle: Handle, id: string, folder: WorkloadFolder): WorkerExecution {
    const { maxOutputFiles, clock, onChange } = this.#options;
    const options = { id, handle, folder, holder: this, maxOutputFiles, clock };
    const execution = new WorkerExecution(options);
    this.#inHand.add(execution);
    execution.exit.then(() => {
      this.#inHand.remove(id);
      if (folder.exists) fs.rmSync(folder.paramsFile, { force: true });
      onChange();
    });
    return execution;
  }

  #setState(state: ExecutorState, reason?: string): void {
    this.#state = state;
    this.#reason = reason;
    this.#options.onChange();
  }
}
