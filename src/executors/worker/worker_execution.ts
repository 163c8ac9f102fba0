/**
 * A command in the hands of a worker.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../../errors.ts";
import type { StopSignal } from "../../os/process_identity.ts";
import type { Progress } from "../../protocol/progress.ts";
import type { Clock } from "../../time.ts";
import type { SmallOutput, WorkloadFolder } from "../../workloads/folder.ts";
import { OutputBuffer } from "../../workloads/output_buffer.ts";
import type { Execution, Exit, Handle } from "../executor.ts";
import type { WorkerMessage } from "./protocol.ts";

/** The worker that has a command in hand. */
export interface Holder {
  readonly pid: number | undefined;
  /** How many commands it has in hand. */
  readonly count: number;
  /** Asks it to stop a command. */
  cancel(id: string, signal: StopSignal): void;
  /** Kills it, because a command in its hands did not stop. */
  kill(id: string): void;
  /** The end of a command is stored. */
  stored(id: string): void;
}

/** What a command takes. */
interface WorkerExecutionOptions {
  /** The node's own id for it. */
  readonly id: string;
  readonly handle: Handle;
  readonly folder: WorkloadFolder;
  readonly holder: Holder;
  /** How long it has run already, in milliseconds. */
  readonly ageMs?: number;
  readonly maxOutputFiles: number;
  readonly clock: Clock;
}

/** Why nothing is done for a command any more. An error of its own for each would cost more. */
const ENDED = new Error("The command has ended");

/** What a command prints in its first moments stays in memory, in case it is over then. */
const SPILL_MS = 1_000;

/** A command in the hands of a worker. */
export class WorkerExecution implements Execution {
  readonly id: string;
  readonly handle: Handle;
  readonly started: Promise<Handle>;
  readonly exit: Promise<Exit>;
  onProgress?: (progress: Progress) => void;
  readonly #options: WorkerExecutionOptions;
  readonly #buffer: OutputBuffer;
  readonly #begun = Promise.withResolvers<Handle>();
  readonly #ended = Promise.withResolvers<Exit>();
  readonly #over = new AbortController();
  readonly #startedAt: number;
  #hasBegun = false;
  #isSpilling = false;

  /** Begins when it is handed over. */
  constructor(options: WorkerExecutionOptions) {
    const { id, handle, folder, maxOutputFiles, clock, ageMs = 0 } = options;
    this.id = id;
    this.handle = handle;
    this.started = this.#begun.promise;
    this.exit = this.#ended.promise;
    this.#options = options;
    this.#buffer = new OutputBuffer(folder, maxOutputFiles);
    this.#startedAt = clock.monotonic() - ageMs;
    this.exit.then(() => {
      if (folder.exists) fs.rmSync(folder.paramsFile, { force: true });
    });
  }

  get pid(): number | undefined {
    const { holder } = this.#options;
    return holder.count > 1 ? undefined : holder.pid;
  }

  get sharedPid(): number | undefined {
    const { holder } = this.#options;
    return holder.count > 1 ? holder.pid : undefined;
  }

  get ageMs(): number {
    return this.#options.clock.monotonic() - this.#startedAt;
  }

  get output(): SmallOutput {
    return this.#buffer.small;
  }

  stop(signal: StopSignal): void {
    const { holder, id } = this.#options;
    if (this.#over.signal.aborted) return;
    if (signal === "SIGKILL") holder.kill(id);
    else holder.cancel(id, signal);
  }

  stored(): void {
    this.#options.holder.stored(this.id);
  }

  detach(): void {
    this.#over.abort(ENDED);
    this.#buffer[Symbol.dispose]();
  }

  /** It is in the worker's hands. */
  begin(): void {
    this.#hasBegun = true;
    this.#begun.resolve(this.handle);
  }

  /** Adds a line to what it printed. */
  print(line: string): void {
    if (this.#over.signal.aborted) return;
    try {
      this.#buffer.write("stderr", new TextEncoder().encode(`${line}\n`));
    } catch {
      // A full disk: the answer counts.
      return;
    }
    if (!this.#isSpilling) void this.#spillSoon();
  }

  /** Takes the worker's answer. */
  answer(message: Extract<WorkerMessage, { type: "result" | "result_file" | "error" }>): void {
    if (this.#over.signal.aborted) return;
    if (message.type === "error") return this.fail(message.error);
    try {
      if (message.type === "result") {
        this.#buffer.write("stdout", new TextEncoder().encode(message.output));
      } else {
        this.#copy(message.path);
      }
    } catch (error) {
      return this.fail(`The answer cannot be kept: ${messageOf(error)}`);
    }
    this.end({ type: "answered", output: this.#buffer.end() });
  }

  /** It has failed, for this reason. */
  fail(error: string): void {
    if (this.#over.signal.aborted) return;
    this.end({ type: "failed", error, output: this.#buffer.end() });
  }

  /** Its worker has ended, for this reason: what it never got another one may run. */
  leaveWorker(why: string): void {
    if (this.#hasBegun) this.fail(why);
    else this.giveBack();
  }

  /** It never began, since its worker has ended. */
  giveBack(): void {
    this.end({ type: "not_started", why: "its worker has ended", mayRunLater: true });
  }

  /** It has ended. */
  end(exit: Exit): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort(ENDED);
    this.#buffer[Symbol.dispose]();
    this.#ended.resolve(exit);
  }

  /** Copies an answer that the worker has left in a file, which is removed then. */
  #copy(path: string): void {
    const file = fs.openSync(path, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0));
    try {
      if (!fs.fstatSync(file).isFile()) throw new Error("it is not a regular file");
      const piece = new Uint8Array(256 * 1024);
      for (let count; (count = fs.readSync(file, piece, 0, piece.length, null)) > 0;) {
        this.#buffer.write("stdout", piece.subarray(0, count));
      }
    } finally {
      fs.closeSync(file);
    }
    fs.rmSync(path, { force: true });
  }

  /** Puts what it printed into files when it takes a while, so that it can be followed. */
  async #spillSoon(): Promise<void> {
    this.#isSpilling = true;
    try {
      const left = Math.max(0, SPILL_MS - this.ageMs);
      await this.#options.clock.sleep(left, this.#over.signal);
      this.#buffer.spill();
    } catch {
      // It is over, or the disk is full: then it stays in memory as far as it fits.
    }
  }
}
