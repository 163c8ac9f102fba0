/**
 * One worker process, from its start to its end: started by this node, or found again.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../../errors.ts";
import { invocation } from "../../os/child_environment.ts";
import type { ProcessIdentity } from "../../os/process_identity.ts";
import { startTimes } from "../../os/processes.ts";
import { inOwnSession } from "../../os/session.ts";
import { isAbort } from "../../time.ts";
import { CLAIM_VARIABLE } from "../process/supervisor_script.ts";
import { HandoverRecord } from "./handover_record.ts";
import { killRest, killWorker } from "./kill_worker.ts";
import { OutputReader } from "./output_reader.ts";
import { type LineEvents, PipeWriter } from "./pipe_writer.ts";
import type { ProcessListener, ProcessOptions } from "./worker_options.ts";
import { exitCodeIn, hasReader, openPipe, processIn, sizeOf } from "./worker_files.ts";
import { END, FILES, HERE, WORKER_VARIABLE, workerScript } from "./worker_script.ts";

/** How often there is a look even if nothing was reported. */
const LOOK_MS = 1_000;

/** How often the node tries again to write into a pipe that is full or not open yet. */
const RETRY_MS = 10;

/** How long the supervisor may take to begin. */
const BEGINNING_MS = 30_000;

/** One that has no node yet waits at least this long for its first one. */
const FIRST_SECONDS = 60;

/** A log that is larger is emptied as soon as that can be; one that is much larger must be. */
const [MAX_LOG, MAX_OUTPUT] = [1024 * 1024, 64 * 1024 * 1024];

/** One worker process. */
export class WorkerProcess {
  /** Identifies it. */
  readonly id: string;
  readonly handed: HandoverRecord;
  readonly #options: ProcessOptions;
  readonly #listener: ProcessListener;
  readonly #output: OutputReader;
  readonly #errors: OutputReader;
  readonly #leaving = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  readonly #input: PipeWriter;
  #identity: ProcessIdentity | undefined;
  #supervisor: Promise<void> | undefined;
  #lease: number | undefined;
  #watcher: Deno.FsWatcher | undefined;
  #hasEnded = false;
  /** Whether it has written something, and so has opened its pipes. */
  #hasWritten = false;

  private constructor(
    id: string,
    process: ProcessIdentity | undefined,
    options: ProcessOptions,
    listener: ProcessListener,
  ) {
    const { folder } = options;
    this.id = id;
    this.#identity = process;
    this.#options = options;
    this.#listener = listener;
    this.#input = new PipeWriter(options.clock);
    this.handed = new HandoverRecord(`${folder}/${FILES.handed}`);
    this.#output = new OutputReader(`${folder}/${FILES.output}`, 0, (line, isCut) => {
      listener.line(line, isCut);
    });
    const errors = process === undefined ? 0 : sizeOf(`${folder}/${FILES.errors}`);
    this.#errors = new OutputReader(`${folder}/${FILES.errors}`, errors, (line) => {
      listener.errorLine(line);
    });
  }

  /** Starts one in an empty folder. Throws when no shell can be run. */
  static start(id: string, options: ProcessOptions, listener: ProcessListener): WorkerProcess {
    const { folder, source, env, workFolder, host, keepLoaded, unloadTimeout } = options;
    fs.mkdirSync(`${folder}/${FILES.log}`, { mode: 0o700 });
    for (const name of [FILES.output, FILES.errors]) {
      fs.writeFileSync(`${folder}/${name}`, "", { mode: 0o600 });
    }
    const worker = new WorkerProcess(id, undefined, options, listener);
    const { command, ...spawned } = inOwnSession(invocation(
      { source, env: { ...env, [WORKER_VARIABLE]: id }, host },
      workerScript(host.shell),
      {
        name: ["cyberwave-worker"],
        variables: {
          [CLAIM_VARIABLE]: id,
          cloud_node_folder: folder,
          cloud_node_place: workFolder,
          cloud_node_first: String(Math.max(FIRST_SECONDS, keepLoaded)),
          cloud_node_keep: String(keepLoaded),
          cloud_node_unload: String(unloadTimeout),
        },
      },
    ));
    const child = new Deno.Command(command, {
      ...spawned,
      cwd: workFolder,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    child.unref();
    worker.#supervisor = child.status.then(() => worker.#look());
    worker.#own(worker.#supervisor);
    worker.#own(worker.#follow());
    return worker;
  }

  /** Follows one that runs. */
  static attach(
    id: string,
    process: ProcessIdentity,
    options: ProcessOptions,
    listener: ProcessListener,
  ): WorkerProcess {
    const worker = new WorkerProcess(id, process, options, listener);
    worker.#own(worker.#follow());
    return worker;
  }

  /** Resolves when it has ended, and its supervisor too, if this node has started that. */
  get over(): Promise<void> {
    return this.#over.promise.then(() => this.#supervisor);
  }

  /** Its supervisor, once that is known. */
  get identity(): ProcessIdentity | undefined {
    return this.#identity;
  }

  /** Reads what it wrote so far. */
  read(): void {
    // What it printed before its answer belongs to that command.
    this.#errors.read();
    this.#output.read();
  }

  /** Writes a line to its input, after those before it. */
  send(line: string, events?: LineEvents): void {
    this.#input.send(line, events);
  }

  /** Asks it to finish what it has in hand and to leave; it is killed when it does not. */
  end(): void {
    this.#input.close();
    this.#say(END);
  }

  /** Kills all of it. Never rejects. */
  async kill(): Promise<void> {
    if (this.#identity !== undefined) await killWorker(this.#identity, this.id, this.#options);
  }

  /** Whether its files have grown so much that it must be given nothing before they are emptied. */
  get isFull(): boolean {
    return this.#output.position > MAX_OUTPUT;
  }

  /** Gives files that have grown their space back, once no later node needs what stands there. */
  tidy(): void {
    if (this.#output.position > MAX_LOG) this.#output.empty();
    this.handed.tidy();
  }

  /** Stops following it: it goes on without the node. */
  leave(): void {
    this.#leaving.abort();
    this.#close();
  }

  /** Writes into the lease. */
  #say(word: string): void {
    if (this.#lease === undefined) return;
    try {
      fs.writeSync(this.#lease, new TextEncoder().encode(word));
    } catch {
      // Nobody reads it any more: it has ended.
    }
  }

  async #follow(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#leaving;
    try {
      await this.#open(signal);
      this.#own(this.#listen());
      while (!this.#hasEnded) {
        await this.#look();
        await clock.sleep(LOOK_MS, signal);
      }
    } catch (error) {
      if (isAbort(error, signal)) return;
      this.#options.logger.error(`Cannot follow a worker: ${messageOf(error)}`);
      this.#conclude(undefined);
    }
  }

  /** Waits for its supervisor, and opens the pipes to it. */
  async #open(signal: AbortSignal): Promise<void> {
    const { folder, clock, host } = this.#options;
    const deadline = clock.monotonic() + BEGINNING_MS;
    while (!this.#hasEnded) {
      this.#identity ??= processIn(folder, host);
      if (this.#identity !== undefined && this.#lease === undefined) {
        this.#lease = openPipe(`${folder}/${FILES.lease}`);
        if (this.#lease !== undefined) this.handed.tryTime(this.#lease, () => this.#say(HERE));
      }
      if (this.#lease !== undefined) {
        const pipe = openPipe(`${folder}/${FILES.input}`);
        if (pipe !== undefined) return this.#input.open(pipe);
      }
      if (fs.existsSync(`${folder}/${FILES.exit}`)) return this.#conclude(exitCodeIn(folder));
      if (clock.monotonic() > deadline) return this.#conclude(undefined);
      await clock.sleep(RETRY_MS, signal);
    }
  }

  async #listen(): Promise<void> {
    if (this.#hasEnded || this.#leaving.signal.aborted) return;
    this.#watcher = Deno.watchFs(`${this.#options.folder}/${FILES.log}`, { recursive: false });
    for await (const _ of this.#watcher) this.#lookSoon();
  }

  /** A look that is asked for: never two at a time, since looks take no time but for a dead worker. */
  #lookSoon(): void {
    if (this.#hasEnded || this.#leaving.signal.aborted) return;
    this.read();
    this.#hasWritten ||= this.#output.position > 0;
    this.#tidyErrors();
    const { folder } = this.#options;
    if (fs.existsSync(`${folder}/${FILES.exit}`)) this.#conclude(exitCodeIn(folder));
  }

  async #look(): Promise<void> {
    this.#lookSoon();
    if (this.#hasEnded || this.#leaving.signal.aborted || this.#identity === undefined) return;
    const { folder, logger } = this.#options;
    if (hasReader(`${folder}/${FILES.alive}`)) {
      if (this.#isCopied) return;
      logger.error("A worker has closed its output, or what copies that was killed; killing it");
      return await this.kill();
    }
    const { pid, startTime } = this.#identity;
    if ((await startTimes([pid])).get(pid) === startTime) return;
    this.#lookSoon();
    if (this.#hasEnded) return;
    await killRest(this.#identity, this.id, this.#options);
    this.#conclude(undefined);
  }

  /** Whether what it writes is copied. A pump reads nothing more when it is closed before the worker opens it. */
  get #isCopied(): boolean {
    const { folder } = this.#options;
    const pipes = [FILES.outputPipe, FILES.errorPipe];
    return !this.#hasWritten || pipes.every((pipe) => hasReader(`${folder}/${pipe}`));
  }

  #tidyErrors(): void {
    if (this.#errors.position > MAX_LOG) this.#errors.empty();
  }

  #conclude(code: number | undefined): void {
    if (this.#hasEnded || this.#leaving.signal.aborted) return;
    this.#hasEnded = true;
    this.read();
    this.#output.end();
    this.#errors.end();
    this.#leaving.abort();
    this.#close();
    this.#over.resolve();
    this.#listener.ended(code);
  }

  #own(task: Promise<void>): void {
    task.catch((error) => this.#options.logger.error(`A worker: ${messageOf(error)}`));
  }

  #close(): void {
    this.#input.close();
    if (this.#lease !== undefined) fs.closeSync(this.#lease);
    this.#lease = undefined;
    try {
      this.#watcher?.close();
    } catch {
      // It has ended by itself.
    }
    this.#watcher = undefined;
    this.#output.close();
    this.#errors.close();
    this.handed.close();
  }
}
