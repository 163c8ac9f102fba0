/**
 * A program that is started once and stays loaded, whether there is a node or not.
 *
 * @module
 */
import * as fs from "node:fs";
import { counted, messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Host } from "../../os/processes.ts";
import { type Clock, orAbort } from "../../time.ts";
import { WorkloadFolder } from "../../workloads/folder.ts";
import { excerptOf } from "../../workloads/output.ts";
import type { Execution, Exit, Handle } from "../executor.ts";
import { exitCodeMeaning } from "../exit_code.ts";
import { ProcessExecutor } from "../process/process_executor.ts";
import { killAll } from "../process/stop_all.ts";
import { type GpusForEach, GpuShare } from "./gpu_share.ts";
import { Keeper } from "./keeper.ts";

/** What a program is kept loaded with. */
interface WarmProcessOptions {
  /** What it is called in messages, and its files in the folder. */
  readonly name: string;
  /** The shell command that starts it. */
  readonly command: string;
  /** Where the files of all such programs are. */
  readonly loadedFolder: string;
  readonly workFolder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  /** How many bytes each stream of its output may take on disk. */
  readonly maxOutputFiles: number;
  /** Seconds for which it stays without a node. */
  readonly keepLoaded: number;
  /** Seconds between asking it to end and killing it. */
  readonly unloadTimeout: number;
  /** The GPUs that it gets. Default: it is given none, and sees what is there. */
  readonly gpus?: GpusForEach;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is stored about a program that was started. */
interface Loaded {
  readonly handle: Handle;
  readonly command: string;
  readonly workFolder: string;
  /** The GPUs that it was given. */
  readonly gpus?: readonly string[];
}

/** The handles of the programs that were started with their files in a folder. */
export function loadedHandles(loadedFolder: string): Handle[] {
  const files = fs.globSync("*.json", { cwd: loadedFolder });
  return files.flatMap((file) => readLoaded(`${loadedFolder}/${file}`)?.handle ?? []);
}

/** What a file says about a program; `undefined`: it cannot be read. */
export function readLoaded(path: string): Loaded | undefined {
  try {
    return JSON.parse(fs.readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** How much of what a program printed last stands in an error. */
const LAST_BYTES = 4 * 1024;
const LAST_LINES = 10;

/** The kind under which the executor of processes knows it. */
const KIND = "loaded";

/** A program that stays loaded. */
export class WarmProcess {
  readonly #options: WarmProcessOptions;
  readonly #executor: ProcessExecutor;
  readonly #folder: WorkloadFolder;
  readonly #gpus: GpuShare;
  readonly #closing = new AbortController();
  #keeper: Keeper | undefined;
  #execution: Execution | undefined;
  #hasEnded = false;

  /** Starts nothing yet. */
  constructor(options: WarmProcessOptions) {
    this.#options = options;
    this.#executor = new ProcessExecutor({ ...options, templates: { [KIND]: options.command } });
    this.#folder = new WorkloadFolder(`${options.loadedFolder}/${options.name}`);
    this.#gpus = new GpuShare(options.gpus, options.name);
    const loaded = readLoaded(this.#file);
    if (loaded?.handle?.bootId === options.host.bootId) this.#gpus.hold(loaded.gpus);
  }

  /** Where what it prints is. */
  get folder(): WorkloadFolder {
    return this.#folder;
  }

  /** Whether it runs. */
  get isRunning(): boolean {
    return this.#execution !== undefined && !this.#hasEnded;
  }

  /** The one that runs, or ran last. */
  get execution(): Execution | undefined {
    return this.#execution;
  }

  /**
   * Finds the program that an earlier node started, if its configuration has not changed, or else
   * starts it. Resolves when it runs or has ended. Rejects when `signal` aborts while it waits for
   * GPUs.
   */
  async findOrStart(signal: AbortSignal): Promise<Execution> {
    const execution = await this.#find() ?? await this.#start(signal);
    const ended = this.#follow(execution);
    const handle = await Promise.race([execution.started, ended]);
    if (handle?.process !== undefined) {
      this.#store(handle);
      const { loadedFolder, name, logger } = this.#options;
      const { attempt, process: { pid } } = handle;
      const before = this.#keeper;
      const file = `${loadedFolder}/${name}.keeper`;
      this.#keeper = await Keeper.start({ ...this.#options, attempt, pid, file }, logger);
      await before?.release();
    }
    return execution;
  }

  /** Ends the one that runs, whichever node started it, and what one before it has left behind. */
  async end(): Promise<void> {
    const found = this.isRunning ? undefined : await this.#find();
    if (found !== undefined) void this.#follow(found);
    await this.stop();
  }

  /** Ends all of it, with SIGTERM and then SIGKILL. */
  async stop(): Promise<void> {
    const execution = this.#execution;
    if (execution === undefined || this.#hasEnded) return;
    const { clock, unloadTimeout, logger, name } = this.#options;
    execution.stop("SIGTERM");
    const ended = new AbortController();
    const exit = orAbort(execution.exit, this.#closing.signal).then(() => ended.abort());
    try {
      await clock.sleep(unloadTimeout * 1000, ended.signal);
      logger.warn(`${name} did not end within ${unloadTimeout} s of SIGTERM: sending SIGKILL`);
      execution.stop("SIGKILL");
    } catch {
      // It has ended.
    }
    await exit;
  }

  /** Kills all of it at once. */
  async kill(): Promise<void> {
    const execution = this.#execution;
    if (execution === undefined || this.#hasEnded) return;
    execution.stop("SIGKILL");
    await orAbort(execution.exit, this.#closing.signal);
  }

  /** Leaves it to the next node, for which it stays loaded for a while. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#executor[Symbol.asyncDispose]();
    await this.#keeper?.release();
  }

  /** The last lines of what it printed to standard error, or else to standard output. */
  lastLines(): string {
    for (const stream of ["stderr", "stdout"] as const) {
      const { text } = excerptOf(this.#folder, stream, LAST_BYTES);
      const lines = text.trim().split("\n").slice(-LAST_LINES).join("\n").trim();
      if (lines !== "") return lines;
    }
    return "";
  }

  /** How it has ended, in words, with what it printed last. */
  describe(exit: Exit): string {
    const how = exit.type === "exited"
      ? `exited with code ${exitCodeInWords(exit)}`
      : exit.type === "killed"
      ? `was killed by ${exit.signal}`
      : `has ended: ${"why" in exit ? exit.why : exit.type}`;
    const lines = this.lastLines();
    return `The program ${how}${lines === "" ? "" : `: ${lines}`}`;
  }

  /** Makes it the one that runs. Resolves when it has ended. */
  async #follow(execution: Execution): Promise<undefined> {
    this.#execution = execution;
    this.#hasEnded = false;
    await execution.exit;
    if (this.#execution !== execution) return;
    this.#hasEnded = true;
    this.#gpus.release();
  }

  async #find(): Promise<Execution | undefined> {
    const loaded = readLoaded(this.#file);
    if (loaded === undefined) return undefined;
    const { command, workFolder, logger, name } = this.#options;
    const recovered = await this.#executor.recover(loaded.handle, this.#folder);
    if (recovered.type !== "running") {
      await this.#endRemains(loaded.handle);
      this.#gpus.release();
      return undefined;
    }
    const { execution } = recovered;
    const isSame = loaded.command === command && loaded.workFolder === workFolder;
    if (isSame && this.#gpus.isRight) {
      logger.info(`${name}: process ${execution.pid} is still loaded`);
      return execution;
    }
    const what = isSame ? "GPUs have" : "command has";
    logger.info(`${name}: ending process ${execution.pid}, whose ${what} changed`);
    void this.#follow(execution);
    await this.stop();
    return undefined;
  }

  /** Ends what a program has started and left behind: it may hold the GPU. */
  async #endRemains({ attempt, process }: Handle): Promise<void> {
    if (process === undefined) return;
    const left = await killAll({ attempt, process }, this.#options);
    if (left.length === 0) return;
    const { logger, name } = this.#options;
    logger.warn(`${name}: these processes of it could not be ended: ${left.join(", ")}`);
  }

  async #start(signal: AbortSignal): Promise<Execution> {
    const { name, logger } = this.#options;
    const taken = this.#gpus.taken(signal);
    if (this.#gpus.isWaiting) logger.info(`${name} waits for ${counted(this.#gpus.count!, "GPU")}`);
    await taken;
    const place = this.#executor.reserve({ id: this.#options.name, kind: KIND });
    if (place === undefined) throw new Error("The node stops");
    // What the one before has printed goes with it.
    this.#folder.remove();
    place.prepare?.(this.#folder);
    this.#store(place.handle);
    return place.start({
      id: this.#options.name,
      kind: KIND,
      params: "{}",
      files: [],
      env: this.#gpus.env,
      folder: this.#folder,
    });
  }

  get #file(): string {
    return `${this.#options.loadedFolder}/${this.#options.name}.json`;
  }

  #store(handle: Handle): void {
    const { command, workFolder, loadedFolder, name, logger } = this.#options;
    const loaded: Loaded = { handle, command, workFolder, gpus: this.#gpus.names };
    try {
      fs.mkdirSync(loadedFolder, { recursive: true, mode: 0o700 });
      fs.writeFileSync(`${this.#file}.new`, JSON.stringify(loaded), { mode: 0o600 });
      fs.renameSync(`${this.#file}.new`, this.#file);
    } catch (error) {
      logger.error(`${name}: cannot store which process is loaded: ${messageOf(error)}`);
    }
  }
}

function exitCodeInWords({ code, oomKill }: Extract<Exit, { type: "exited" }>): string {
  const meaning = exitCodeMeaning(code, oomKill);
  return meaning === undefined ? `${code}` : `${code} (${meaning})`;
}
