/**
 * A command that a handler runs: what the handler is given, and how it ends.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import { type Progress, readProgress } from "../../protocol/progress.ts";
import type { Clock } from "../../time.ts";
import type { Execution, Exit, Handle, Work } from "../executor.ts";
import { writeExit } from "./handler_exit.ts";
import { type Handler, type HandlerContext, outputOf } from "./handler.ts";

/** Longer errors are cut, in characters. */
const MAX_ERROR = 64 * 1024;

/** What running a handler takes. */
interface HandlerExecutionOptions {
  readonly handle: Handle;
  readonly work: Work;
  /** `undefined`: there is none for such commands. */
  readonly handler: Handler | undefined;
  /** Where result files go, unless the command has a folder of its own for them. */
  readonly resultsFolder: string;
  /** How many bytes of its log lines are kept. */
  readonly maxLog: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A command that a handler runs. It goes on until the handler returns, whoever watches it. */
export class HandlerExecution implements Execution {
  readonly handle: Handle;
  readonly started: Promise<Handle>;
  readonly exit: Promise<Exit>;
  /** Resolves when the handler has returned, which may be long after the command has ended. */
  readonly returned: Promise<void>;
  onProgress?: (progress: Progress) => void;
  readonly #options: HandlerExecutionOptions;
  readonly #stopping = new AbortController();
  readonly #givenUp = Promise.withResolvers<Exit>();
  readonly #since: number;
  #left: number;
  /** Aborts when the command has ended, whether or not the handler has returned. */
  readonly #over = new AbortController();
  #hasWarned = false;

  /** Starts the handler. */
  constructor(options: HandlerExecutionOptions) {
    const { handle, clock, maxLog } = options;
    this.#options = options;
    this.#left = maxLog;
    this.#since = clock.monotonic();
    this.handle = handle;
    this.started = Promise.resolve(handle);
    const run = this.#run().then((exit) => this.#store(exit));
    this.returned = run.then(() => {});
    this.exit = Promise.race([run, this.#givenUp.promise]).then((exit) => {
      this.#over.abort();
      return exit;
    });
  }

  /** The name of its command. */
  get kind(): string {
    return this.#options.work.kind;
  }

  get ageMs(): number {
    return this.#options.clock.monotonic() - this.#since;
  }

  /** Aborts the handler's signal. It cannot be killed: after SIGKILL it is no longer waited for. */
  stop(signal: StopSignal): void {
    this.#stopping.abort(new DOMException(`The command is stopped by ${signal}`, "AbortError"));
    if (signal === "SIGKILL") void this.#giveUp();
  }

  /** Does nothing: a later executor of this process goes on to watch it. */
  detach(): void {}

  async #giveUp(): Promise<void> {
    // A handler that was not asked before has a turn to end by itself.
    try {
      await this.#options.clock.sleep(0, this.#over.signal);
    } catch {
      return;
    }
    const note = "its handler takes no notice and still runs";
    this.#givenUp.resolve({ type: "killed", signal: "SIGKILL", note });
  }

  async #run(): Promise<Exit> {
    const { work, handler } = this.#options;
    if (handler === undefined) return failed(`There is no handler for ${work.kind}`);
    try {
      // In a turn of its own: what it does first must not be in the way of who starts it.
      await Promise.resolve();
      const output = outputOf(await handler(JSON.parse(work.params), this.#context()));
      this.#write(output);
      return { type: "exited", code: 0 };
    } catch (error) {
      this.#logError(error);
      return failed(messageOf(error) || "The handler failed without a message");
    }
  }

  /** Writes down how it ended: a node that crashes before it has stored that finds it there. */
  #store(exit: Exit): Exit {
    const { work: { folder }, handle } = this.#options;
    if (this.#over.signal.aborted) return exit;
    try {
      writeExit(folder, handle.attempt, exit);
    } catch (error) {
      this.#options.logger.warn(
        `Cannot write down how ${handle.attempt} ended: ${messageOf(error)}`,
      );
    }
    return exit;
  }

  #context(): HandlerContext {
    const { work: { kind, env, requestId }, resultsFolder } = this.#options;
    return {
      command: kind,
      requestId,
      signal: this.#stopping.signal,
      folder: env.CYBERWAVE_RESULTS_FOLDER ?? resultsFolder,
      env,
      progress: (progress) => this.#report(progress),
      log: (line) => this.#log(line),
    };
  }

  #report(value: unknown): void {
    if (this.#over.signal.aborted) return;
    const progress = readProgress(value);
    if (progress !== undefined) return this.onProgress?.(progress);
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const { logger, work } = this.#options;
    logger.warn(`The handler of ${work.kind} reports invalid progress, which is ignored`);
  }

  #log(line: unknown): void {
    if (this.#over.signal.aborted || this.#left === 0) return;
    const bytes = new TextEncoder().encode(`${line}\n`);
    const isRoom = bytes.length <= this.#left;
    this.#left = isRoom ? this.#left - bytes.length : 0;
    const { folder } = this.#options.work;
    try {
      fs.appendFileSync(
        folder.outputFile("stderr"),
        isRoom ? bytes : "[more log lines than max_output_files allows: they are left out]\n",
        { mode: 0o600 },
      );
    } catch {
      // A log line is not worth a command. A full disk is reported by others.
    }
  }

  /** Logs an error with its stack and its cause. */
  #logError(error: unknown): void {
    if (typeof error !== "object" || error === null) return;
    try {
      this.#log(Deno.inspect(error));
    } catch {
      // It has its own idea of how it is shown. The reply has its message.
    }
  }

  #write(output: string | Uint8Array): void {
    if (this.#over.signal.aborted) return;
    const { folder } = this.#options.work;
    const [file, stream] = [folder.outputFile("stdout"), "stdout.log"];
    fs.rmSync(file, { force: true });
    folder.write({ name: stream, bytes: output });
  }
}

function failed(error: string): Exit {
  return { type: "failed", error: error.slice(0, MAX_ERROR).toWellFormed() };
}
