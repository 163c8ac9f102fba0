/**
 * Stopping commands: on request, or when their time is over; first asked, then killed.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Execution } from "../executors/executor.ts";
import type { StopRequest } from "../journal/record.ts";
import type { LogFields, Logger } from "../log.ts";
import type { StopSignal } from "../os/process_identity.ts";
import { type Clock, orAbort } from "../time.ts";
import { type Command, fieldsOf, nameOf } from "./command.ts";
import { Tasks } from "./tasks.ts";

/** What commands are stopped with. */
export interface StopParts {
  /** Seconds after which a kind of command is stopped. */
  readonly timeout: Readonly<Partial<Record<string, number>>>;
  /** Seconds between asking a command to stop and killing it. */
  readonly cancelGrace: Readonly<Record<string, number>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Stores that a command is to be stopped. */
  store(id: string, request: StopRequest): Promise<void>;
}

/**
 * The reason of all aborted waits, shared because making an error takes longer than all else here.
 */
const ENDED = new Error("The command has ended");

/** The stopping of one command, from its turn to its end. */
export class Stop implements Disposable {
  readonly #command: Command;
  readonly #parts: StopParts;
  readonly #over = new AbortController();
  readonly #tasks: Tasks;
  #execution: Execution | undefined;
  #request: StopRequest | undefined;
  /** The request that is due: it is on disk, or cannot be brought there. */
  #due: StopRequest | undefined;

  /** `earlier` is what an earlier node was asked: that is carried on. */
  constructor(command: Command, parts: StopParts, earlier?: StopRequest) {
    this.#command = command;
    this.#parts = parts;
    this.#tasks = new Tasks(parts.logger);
    this.#request = this.#due = earlier;
  }

  /** The request to stop the command, if there is one. */
  get request(): StopRequest | undefined {
    return this.#request;
  }

  /** Aborts when the command has ended, or is left to the next node. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** From now on the command runs, so that there is something to be signalled and timed. */
  watch(execution: Execution): void {
    this.#execution = execution;
    this.#tasks.add(this.#signal());
    const limit = this.#parts.timeout[this.#command.kind];
    if (limit !== undefined) this.#tasks.add(this.#limitTime(limit, execution));
  }

  /**
   * Asks the command to stop, and resolves once that is on disk: whether there was anything to stop.
   * A second request with another signal sends that one as well, but after SIGKILL: that ends it.
   */
  async ask(cause: StopRequest["cause"], signal: StopSignal): Promise<boolean> {
    if (this.over.aborted) return false;
    const { clock, logger } = this.#parts;
    const why = cause.replace("_", " ");
    logger.info(`Stopping ${nameOf(this.#command)} with ${signal} (${why})`, this.#fields);
    const earlier = this.#request;
    const strongest = earlier?.signal === "SIGKILL" ? "SIGKILL" : signal;
    const request = { cause: earlier?.cause ?? cause, signal: strongest, at: clock.now() } as const;
    this.#request = request;
    await this.#store(request);
    this.#due = request;
    this.#tasks.add(this.#signal());
    return true;
  }

  get #fields(): LogFields {
    return fieldsOf(this.#command);
  }

  /** Stops watching the command. */
  [Symbol.dispose](): void {
    this.#over.abort(ENDED);
  }

  /** Sends the signal that is due to what runs, and SIGKILL when its time is over. */
  async #signal(): Promise<void> {
    const { clock, logger } = this.#parts;
    const grace = this.#parts.cancelGrace[this.#command.kind];
    const execution = this.#execution;
    const request = this.#due;
    if (execution === undefined || request === undefined || this.over.aborted) return;
    execution.stop(request.signal);
    if (request.signal === "SIGKILL") return;
    // The wall clock may have jumped meanwhile: it never gets more than the full grace again.
    const waited = Math.max(0, clock.now() - request.at);
    try {
      await clock.sleep(Math.max(0, grace * 1000 - waited), this.over);
    } catch {
      return;
    }
    logger.warn(
      `${nameOf(this.#command)} did not end within ${grace} s of ${request.signal}: ` +
        "sending SIGKILL",
      this.#fields,
    );
    // Nobody asked for SIGKILL: the reply names both signals.
    execution.stop("SIGKILL");
  }

  async #limitTime(limit: number, execution: Execution): Promise<void> {
    const { clock, logger } = this.#parts;
    try {
      if (execution.begun !== undefined) await orAbort(execution.begun, this.over);
      await clock.sleep(Math.max(0, limit * 1000 - execution.ageMs), this.over);
    } catch {
      return;
    }
    if (this.#request !== undefined) return;
    logger.warn(`${nameOf(this.#command)} has run for ${limit} s, its time limit`, this.#fields);
    await this.ask("timed_out", "SIGTERM");
  }

  /** A command is stopped also when that cannot be stored: only a restart would not know why. */
  async #store(request: StopRequest): Promise<void> {
    try {
      await this.#parts.store(this.#command.id, request);
    } catch (error) {
      this.#parts.logger.error(
        `Cannot store that ${nameOf(this.#command)} is being stopped: ${messageOf(error)}`,
        this.#fields,
      );
    }
  }
}
