/**
 * A server, started and restarted: whether it should be loaded, whether it is ready, why not.
 *
 * @module
 */
import type { ServerProgram } from "../../config/programs/workload_program.ts";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { type Clock, isAbort, orAbort } from "../../time.ts";
import type { ExecutorState, ExecutorStatus, Exit } from "../executor.ts";
import { Restarts } from "../warm/restarts.ts";
import type { WarmProcess } from "../warm/warm_process.ts";
import { Demand } from "./demand.ts";
import { PRESETS } from "./preset.ts";
import { type ProbeResult, probeServer } from "./server_probe.ts";

/** What a server is kept running with. */
export interface ManagedServerOptions {
  /** What it is called in the log. */
  readonly name: string;
  readonly program: ServerProgram;
  /** The headers of each request, with their variables expanded. */
  readonly headers: Readonly<Record<string, string>>;
  /** What starts it; `undefined`: somebody else does. */
  readonly process: WarmProcess | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
}

/** After so many bad answers in a row a server is unhealthy. */
const MAX_FAILURES = 3;

/** How long it takes to notice that a server has ended after it has closed its connections. */
const SEEING_MS = 2_000;

/** How often a server is asked whether it is free, in milliseconds. */
const FREE_MS = 200;

/** No command can be sent to a server, and why. */
export class ServerUnavailableError extends Error {}

/** A server, from the start of the node to its end. */
export class ManagedServer implements AsyncDisposable {
  readonly #options: ManagedServerOptions;
  readonly #inHand: () => number;
  readonly #onChange: () => void;
  readonly #restarts: Restarts;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  /** Whether it should be loaded. */
  readonly demand: Demand;
  #status: ExecutorStatus = { state: "starting" };
  /** Why commands are answered at once, if they are. */
  #problem: string | undefined;
  #changed = Promise.withResolvers<void>();

  /**
   * Starts the server, or finds the one that an earlier node has started. `inHand` says how many
   * commands it has, `onChange` is told when `status` or `problem` is another one.
   */
  constructor(options: ManagedServerOptions, inHand: () => number, onChange: () => void) {
    this.#options = options;
    this.#inHand = inHand;
    this.#onChange = onChange;
    this.#restarts = new Restarts(options.clock, options.random);
    this.demand = new Demand(options.program.yieldTo === undefined ? true : undefined);
    this.#running = this.#keepRunning();
  }

  /** What it is doing; `ready` also while it has commands. */
  get status(): ExecutorStatus {
    return this.#status;
  }

  /** Why commands fail at once, if they do. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The process of a server that the node has started. */
  get pid(): number | undefined {
    return this.#options.process?.execution?.pid;
  }

  /** Whether it was ended because it is not wanted. */
  get isUnloaded(): boolean {
    return this.demand.isWanted === false && this.#status.state === "yielding";
  }

  /** It has answered a command. */
  answered(): void {
    this.#restarts.worked();
  }

  /**
   * Resolves when the server is ready.
   *
   * @throws {ServerUnavailableError} when that is not waited for; the reason of `signal` when it aborts
   */
  async untilReady(signal: AbortSignal): Promise<void> {
    while (this.#status.state !== "ready") {
      if (this.#problem !== undefined) throw new ServerUnavailableError(this.#problem);
      await orAbort(this.#changed.promise, signal);
      signal.throwIfAborted();
    }
  }

  /** Resolves when the server answers a readiness check made after this call, and has room. */
  async untilFree(signal: AbortSignal): Promise<void> {
    const { clock, program: { concurrency } } = this.#options;
    for (;;) {
      const result = await this.#probe(signal);
      signal.throwIfAborted();
      // Others may keep a server busy that takes several.
      if (result.type === "ready" && (!result.isBusy || concurrency > 1)) return;
      await clock.sleep(FREE_MS, signal);
    }
  }

  /** Why it closes its connections: how it has ended, if it has. */
  async whyClosed(): Promise<string | undefined> {
    const { process, clock } = this.#options;
    const execution = process?.execution;
    if (execution === undefined) return undefined;
    let end: Exit | undefined;
    const seen = new AbortController();
    execution.exit.then((exit) => {
      end = exit;
      seen.abort();
    });
    await clock.sleep(SEEING_MS, AbortSignal.any([seen.signal, this.#closing.signal]))
      .catch(() => {});
    return end && process!.describe(end);
  }

  /** Kills a server that the node has started: another one is started then. Returns whether it could. */
  async kill(): Promise<boolean> {
    const { process } = this.#options;
    await process?.kill();
    return process !== undefined;
  }

  /** Ends a server that the node has started. None is started again. */
  async unload(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    const { process, name, logger } = this.#options;
    await process?.stop();
    if (process !== undefined) logger.info(`${name} has ended`);
    this.#show("stopped");
  }

  /** Leaves it to the next node. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { process, name, program: { keepLoaded }, logger } = this.#options;
    this.#closing.abort();
    if (process?.isRunning) logger.info(`${name} stays loaded for ${keepLoaded} s without a node`);
    await process?.[Symbol.asyncDispose]();
    await this.#running;
    this.#show("stopped");
  }

  /** Starts it, and again whenever it has ended. */
  async #keepRunning(): Promise<void> {
    const { name, clock, logger, process } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const over = AbortSignal.any([signal, this.demand.change]);
      let why = "";
      try {
        if (this.demand.isWanted) why = await this.#serve(over);
        else await this.#rest(over);
      } catch (error) {
        why = messageOf(error);
      }
      if (over.aborted) continue;
      const { waitMs, hasFailed } = this.#restarts.crashed();
      logger.error(`${name}: ${why}. Starting it again in ${Math.ceil(waitMs / 1000)} s`);
      if (hasFailed) this.#problem = `The server has failed ${Restarts.MAX} times in a row: ${why}`;
      this.#show(hasFailed ? "failed" : "restarting", why);
      await process?.stop();
      await clock.sleep(waitMs, over).catch(() => {});
    }
  }

  /** Ends it if it should not be loaded. Resolves when `signal` aborts. */
  async #rest(signal: AbortSignal): Promise<void> {
    if (this.demand.isWanted === false) {
      await this.#options.process?.end();
      this.#problem = undefined;
      this.#show("yielding");
    }
    await orAbort(new Promise<never>(() => {}), signal);
  }

  /** Runs it until it has to be started again. Resolves with why. */
  async #serve(signal: AbortSignal): Promise<string> {
    const { process, logger, name } = this.#options;
    if (this.#problem === undefined) this.#show("starting");
    if (process === undefined) return await this.#watch(signal);
    const execution = await process.findOrStart(signal);
    logger.info(`${name}: loading as process ${execution.pid}`);
    const over = new AbortController();
    let why = "";
    execution.exit.then((exit) => {
      why = process.describe(exit);
      over.abort();
    });
    try {
      return await this.#watch(AbortSignal.any([over.signal, signal]));
    } catch (error) {
      if (!isAbort(error, over.signal)) throw error;
      return why;
    }
  }

  /** Checks whether the server is ready, until it has to be started again. */
  async #watch(signal: AbortSignal): Promise<string> {
    const { program: { ready, readyTimeout }, clock } = this.#options;
    let since = clock.monotonic();
    for (let failures = 0;;) {
      const result = await this.#probe(signal);
      signal.throwIfAborted();
      if (result.type === "ready") {
        failures = 0;
        since = clock.monotonic();
        this.#becomeReady();
      } else if (result.type !== "silent" || this.#inHand() === 0) {
        // One that does one thing at a time is silent while it has a command.
        failures++;
        if (this.#status.state === "ready" && failures >= MAX_FAILURES) {
          since = clock.monotonic();
          this.#show("unhealthy", result.why);
        }
        const isLate = clock.monotonic() - since >= readyTimeout * 1000;
        const why = this.#whyToRestart(result, isLate);
        if (why !== undefined) return why;
      }
      await clock.sleep((ready?.every ?? 1) * 1000, signal);
    }
  }

  /** Why to start it again after a check that found it not ready, if that is needed. */
  #whyToRestart(
    result: Exclude<ProbeResult, { type: "ready" }>,
    isLate: boolean,
  ): string | undefined {
    const { process, program: { readyTimeout } } = this.#options;
    const { state } = this.#status;
    const late = `The server was not ready within ${readyTimeout} s: ${result.why}`;
    const isBroken = result.type === "broken";
    if ((isLate || isBroken) && state !== "ready" && this.#problem === undefined) {
      this.#problem = isBroken ? `The server is broken: ${result.why}` : late;
      this.#show("failed", result.why);
    }
    // What it has in hand may still be answered. Nobody starts another one's server.
    if (process === undefined || this.#inHand() > 0) return undefined;
    if (isBroken) return `it is broken: ${result.why}`;
    if (isLate) return late;
    return state === "unhealthy" ? `it is unhealthy: ${result.why}` : undefined;
  }

  #probe(signal: AbortSignal): Promise<ProbeResult> {
    const { program: { ready, url, api }, headers, clock } = this.#options;
    const target = ready === undefined
      ? PRESETS[api].ready(url)
      : { method: "GET", url: ready.url } as const;
    const isQuestion = target.method === "GET";
    const timeout = ready?.timeout ?? 5;
    return probeServer({ target, isQuestion, headers, timeout, clock }, signal);
  }

  #becomeReady(): void {
    this.#restarts.ready();
    this.#problem = undefined;
    this.#show("ready");
  }

  /** Reports each change once. */
  #show(state: ExecutorState, reason?: string): void {
    const before = this.#status;
    if (before.state === state && before.reason === reason) return;
    this.#status = { state, ...(reason !== undefined && { reason }) };
    if (before.state !== state) this.#log(state, reason);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    this.#onChange();
  }

  #log(state: ExecutorState, reason: string | undefined): void {
    // Both are in the line about its end.
    if (state === "restarting" || state === "yielding" || state === "stopped") return;
    const { name, logger } = this.#options;
    const text = `${name} is ${state}${reason === undefined ? "" : `: ${reason}`}`;
    if (state === "unhealthy" || state === "failed") logger.warn(text);
    else logger.info(text);
  }
}
