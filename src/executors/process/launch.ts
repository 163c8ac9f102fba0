/**
 * Starts a command: its folder, its files, its supervisor.
 *
 * @module
 */
import { messageOf, quoted } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Resources } from "../../protocol/resources.ts";
import { type Clock, isAbort } from "../../time.ts";
import type { Exit, Handle } from "../executor.ts";
import { readClaim, type Report } from "./claim.ts";
import type { Observed } from "./execution.ts";
import { type Orders, Supervisor, type SupervisorOptions } from "./supervisor.ts";

/** What commands are launched with. */
interface LaunchContext {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How many supervisors are started, one after the other, while none makes the claim. */
const MAX_SUPERVISORS = 3;

/**
 * How long a supervisor may take to begin. If it takes longer, it was probably stopped by SIGSTOP.
 */
const BEGINNING_MS = 30_000;

/** How long the end of output may take: a background process may hold it open. */
const DRAIN_MS = 1_000;

/** The reason of aborted waits, shared because an error for each would take longer to make. */
const OVER = "over";

/** A command that this node has started. */
export class Launch implements Observed {
  readonly started: Promise<Handle>;
  readonly ended: Promise<Exit>;
  readonly #options: SupervisorOptions;
  readonly #orders: Orders;
  readonly #context: LaunchContext;
  readonly #begun = Promise.withResolvers<Handle>();
  readonly #leaving = new AbortController();
  /** Aborts when a supervisor has begun or ended, or is left. */
  #beginning = new AbortController();
  #handle: Handle;
  #supervisor: Supervisor | undefined;
  #startedAt: number | undefined;
  #exit: Exit | undefined;
  #used: Resources | undefined;

  /** Starts a command whose files are in its folder, with a spare supervisor if there is one. */
  constructor(
    handle: Handle,
    options: SupervisorOptions,
    orders: Orders,
    context: LaunchContext,
    waiting: Supervisor | undefined,
  ) {
    this.#handle = handle;
    this.#options = options;
    this.#orders = orders;
    this.#context = context;
    this.started = this.#begun.promise;
    this.ended = this.#run(waiting);
  }

  get pid(): number | undefined {
    return this.#handle.process?.pid ?? this.#supervisor?.pid;
  }

  get used(): Resources | undefined {
    return this.#used;
  }

  get ageMs(): number {
    return this.#startedAt === undefined ? 0 : this.#context.clock.monotonic() - this.#startedAt;
  }

  leave(): void {
    this.#leaving.abort();
    this.#beginning.abort(OVER);
    this.#supervisor?.leave();
  }

  async #run(waiting: Supervisor | undefined): Promise<Exit> {
    let why = "";
    for (let count = 0; count < MAX_SUPERVISORS; count++) {
      let supervisor: Supervisor;
      try {
        supervisor = waiting ?? new Supervisor(this.#options);
      } catch (error) {
        return { type: "not_started", why: messageOf(error) };
      }
      this.#supervisor = supervisor;
      waiting = undefined;
      supervisor.run(this.#orders, (report) => this.#receive(report));
      this.#limitBeginning(supervisor);
      const signal = await this.#end(supervisor);
      if (this.#leaving.signal.aborted) return await new Promise(() => {});
      const claim = readClaim(this.#options.folder, this.#options.attempt);
      if (claim.by === "supervisor") this.#used = claim.used;
      if (this.#exit !== undefined) return this.#exit;
      // It may not have been able to report that any more.
      if (claim.by === "supervisor" && claim.process !== undefined) this.#begin(claim.process);
      // Whatever stands in the folder now: the supervisor has reported no end.
      if (this.#handle.process !== undefined) {
        return { type: "killed", signal: signal ?? "SIGKILL" };
      }
      why = signal === undefined
        ? `its supervisor could not write to ${quoted(this.#options.folder.path)}`
        : `its supervisor was killed by ${signal} before it started`;
      // A claim is made once, whoever made it.
      if (claim.by !== "nobody") break;
      this.#context.logger.warn(
        `A supervisor ended before it began${signal ? `, by ${signal}` : ""}; retrying`,
      );
    }
    return { type: "not_started", why };
  }

  /** Kills a supervisor that does not begin, such as one that was stopped while it waited. */
  async #limitBeginning(supervisor: Supervisor): Promise<void> {
    const { clock, logger } = this.#context;
    const { signal } = this.#beginning = new AbortController();
    try {
      await clock.sleep(BEGINNING_MS, signal);
      logger.warn(`The supervisor ${supervisor.pid} does not start; killing it`);
      await supervisor.kill();
    } catch (error) {
      if (!isAbort(error, signal)) logger.error(`Cannot kill a supervisor: ${messageOf(error)}`);
    }
  }

  /** Resolves when a supervisor has ended and all output is in its files. */
  async #end(supervisor: Supervisor): Promise<string | undefined> {
    const signal = await supervisor.ended;
    this.#beginning.abort(OVER);
    // What a killed one leaves running is to be ended before its output can. But that it has begun
    // may be on the way.
    const known = signal === undefined
      ? supervisor.drained
      : Promise.race([supervisor.drained, this.started]);
    const drained = new AbortController();
    known.then(() => drained.abort(OVER));
    await this.#context.clock.sleep(DRAIN_MS, drained.signal).catch(() => {});
    if (!drained.signal.aborted) supervisor.leave();
    return signal;
  }

  #receive(report: Report): void {
    if (report.type === "exited") this.#exit = report;
    else if (report.type === "begun") this.#begin(report);
  }

  #begin({ pid, startTime }: { pid: number; startTime: string }): void {
    if (this.#handle.process !== undefined) return;
    const { bootId } = this.#options.host;
    this.#beginning.abort(OVER);
    this.#startedAt = this.#context.clock.monotonic();
    this.#handle = { ...this.#handle, process: { pid, startTime, bootId } };
    this.#begun.resolve(this.#handle);
  }
}
