/**
 * Supervisors that wait for a command. Starting one takes longer than many commands run, so while
 * commands come, supervisors are started ahead of them. They know nothing of any command, and the
 * death of one changes nothing: the command gets another one.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { type Clock, orAbort } from "../../time.ts";
import { WorkloadFolder } from "../../workloads/folder.ts";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";

/** What spare supervisors are made with. */
interface SparesOptions extends Omit<SupervisorOptions, "attempt" | "folder"> {
  /** Where the folders of workloads are. */
  readonly workloadsFolder: string;
  /** How many wait at most. */
  readonly count: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * How long to wait after the start of a command: starting a supervisor costs as much as a short
 * command, which ends and is answered before.
 */
const FILL_AFTER_MS = 20;

/** How long spares wait: a node without work has none. */
const IDLE_MS = 60_000;

/** Their folders' names begin with this. */
const PREFIX = ".spare-";

/** Supervisors that wait for a command. */
export class Spares {
  readonly #options: SparesOptions;
  readonly #waiting: Supervisor[] = [];
  /** Those that do not wait yet. */
  readonly #starting = new Set<Supervisor>();
  readonly #closing = new AbortController();
  #lastStart = 0;
  #isFilling = false;
  #isExpiring = false;
  readonly #tasks = new Set<Promise<void>>();

  /** Starts with none, and removes what an earlier node left. */
  constructor(options: SparesOptions) {
    this.#options = options;
    const { workloadsFolder } = options;
    for (const name of fs.readdirSync(workloadsFolder)) {
      if (name.startsWith(PREFIX)) removeFolder(`${workloadsFolder}/${name}`);
    }
  }

  /** Hands one that waits over to the caller. */
  take(): Supervisor | undefined {
    return this.#waiting.shift();
  }

  /** Takes back one that was not used. */
  putBack(supervisor: Supervisor): void {
    this.#waiting.unshift(supervisor);
  }

  /** Ends one that cannot be used. */
  discard(supervisor: Supervisor): void {
    this.#own(this.#end(supervisor));
  }

  /** Starts spares, soon, for the commands that may follow one that has begun. */
  fillSoon(): void {
    this.#lastStart = this.#options.clock.monotonic();
    if (!this.#isFilling) this.#own(this.#fill());
  }

  /** Ends those that wait. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#dismissAll();
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  async #fill(): Promise<void> {
    const { clock, count } = this.#options;
    this.#isFilling = true;
    await clock.sleep(FILL_AFTER_MS, this.#closing.signal).catch(() => {});
    this.#isFilling = false;
    if (this.#closing.signal.aborted) return;
    while (this.#waiting.length + this.#starting.size < count && this.#start());
    if (!this.#isExpiring) this.#own(this.#expire());
  }

  /** Ends those that wait when no command was started for a while. */
  async #expire(): Promise<void> {
    const { clock } = this.#options;
    const left = () => this.#lastStart + IDLE_MS - clock.monotonic();
    this.#isExpiring = true;
    while (!this.#closing.signal.aborted && left() > 0) {
      await clock.sleep(left(), this.#closing.signal).catch(() => {});
    }
    this.#isExpiring = false;
    await this.#dismissAll();
  }

  /** Starts one. Returns whether that worked: if not, the next command reports why. */
  #start(): boolean {
    const { workloadsFolder, logger } = this.#options;
    const attempt = crypto.randomUUID();
    const folder = new WorkloadFolder(`${workloadsFolder}/${PREFIX}${attempt}`);
    try {
      fs.mkdirSync(folder.path, { mode: 0o700 });
      const supervisor = new Supervisor({ ...this.#options, attempt, folder });
      this.#starting.add(supervisor);
      this.#own(this.#watch(supervisor));
      return true;
    } catch (error) {
      removeFolder(folder.path);
      logger.debug(`Cannot start a supervisor that waits: ${messageOf(error)}`);
      return false;
    }
  }

  /** Offers one as soon as it waits, until it ends or is taken. */
  async #watch(supervisor: Supervisor): Promise<void> {
    const { ended } = supervisor;
    const isWaiting = Promise.race([supervisor.waiting.then(() => true), ended.then(() => false)]);
    const isUsable = await orAbort(isWaiting, this.#closing.signal);
    this.#starting.delete(supervisor);
    if (!isUsable) return await this.#end(supervisor);
    this.#waiting.push(supervisor);
    ended.then(() => this.#ended(supervisor));
  }

  #ended(supervisor: Supervisor): void {
    const index = this.#waiting.indexOf(supervisor);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    this.discard(supervisor);
  }

  async #dismissAll(): Promise<void> {
    await Promise.all(this.#waiting.splice(0).map((supervisor) => this.#end(supervisor)));
  }

  /** Ends one that waits, and removes its folder. */
  async #end(supervisor: Supervisor): Promise<void> {
    const { clock, logger } = this.#options;
    try {
      await supervisor.dismiss(clock);
    } catch (error) {
      logger.warn(`Cannot end process ${supervisor.pid}, a supervisor: ${messageOf(error)}`);
    }
    removeFolder(supervisor.folder.path);
  }

  #own(task: Promise<void>): void {
    const owned = task.finally(() => this.#tasks.delete(owned));
    this.#tasks.add(owned);
  }
}

function removeFolder(path: string): void {
  try {
    fs.rmSync(path, { recursive: true, force: true });
  } catch {
    // It holds nothing, and the next start removes it.
  }
}
