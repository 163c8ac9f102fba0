/**
 * Shells that wait for work. Starting one takes longer than a short workload runs, so it is done
 * before the command comes.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../errors.ts";
import type { ProcessIdentity } from "../journal/record.ts";
import type { Logger } from "../log.ts";
import { WORKLOAD_KINDS, type WorkloadKind } from "../protocol/kinds.ts";
import { backoff, type Clock } from "../time.ts";
import { type Exit, type WorkloadFile, WorkloadFolder } from "./folder.ts";
import { type Launched, Launcher } from "./launcher.ts";
import type { Host } from "./processes.ts";
import {
  commandLine,
  INNER_SCRIPT,
  needsOwnShell,
  OUTER_SCRIPT,
  type ShellCommand,
  shellSource,
} from "./shim.ts";

/** What the shells of a pool have in common. */
export interface ShellPoolOptions {
  /** How many wait at a time. */
  readonly size: number;
  /** Where the workloads' folders are made. */
  readonly workloadsFolder: string;
  /** Where templates run. */
  readonly workFolder: string;
  /** The environment of the workloads. */
  readonly env: Readonly<Record<string, string>>;
  /** The templates, as configured. */
  readonly templates: Partial<Record<WorkloadKind, string>>;
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called whenever a shell is ready. */
  onReady(): void;
}

/** The prefix of the folders of shells that still wait. */
const WAITING = ".waiting-";

/** For how long a command that has just begun has the machine to itself. */
const FILL_AFTER_MS = 20;

/** Shells that wait for work. */
export class ShellPool {
  readonly #options: ShellPoolOptions;
  readonly #arguments: string[];
  readonly #closing = new AbortController();
  readonly #waiting: WaitingShell[] = [];
  /** Launchers whose last workload has ended. */
  readonly #idle: Launcher[] = [];
  #starting = 0;
  /** How many launchers are about to be idle. */
  #ending = 0;
  #filling = false;
  /** What is under way, to be waited for at the end. */
  readonly #tasks = new Set<Promise<void>>();
  #failures = 0;

  /** Makes a pool; `fill()` starts its shells. */
  constructor(options: ShellPoolOptions) {
    this.#options = options;
    const { host, workFolder } = options;
    const templates = WORKLOAD_KINDS.map((kind) => options.templates[kind] ?? "");
    const own = host.shell === "sh" || templates.some(needsOwnShell);
    this.#arguments = [
      ...[OUTER_SCRIPT, INNER_SCRIPT, host.shell, own ? "own" : ""],
      ...[workFolder, ...templates.map(shellSource)],
    ];
    for (const name of fs.readdirSync(options.workloadsFolder)) {
      if (name.startsWith(WAITING)) removeFolder(`${options.workloadsFolder}/${name}`);
    }
  }

  /** Starts shells until enough wait. */
  fill(): void {
    if (this.#closing.signal.aborted) return;
    while (this.#waiting.length + this.#starting + this.#ending < this.#options.size) {
      this.#starting++;
      this.#track(this.#add());
    }
  }

  /** Starts them when the commands at hand need the machine no more, or not at once. */
  async fillLater(): Promise<void> {
    if (this.#waiting.length === 0) return this.fill();
    if (this.#filling) return;
    this.#filling = true;
    await this.#options.clock.sleep(FILL_AFTER_MS, this.#closing.signal).catch(() => {});
    this.#filling = false;
    this.fill();
  }

  /** A shell that is ready, which then is the caller's. */
  take(): WaitingShell | undefined {
    return this.#waiting.shift();
  }

  /** Takes back a shell that was not used. */
  putBack(shell: WaitingShell): void {
    this.#waiting.unshift(shell);
  }

  /** Ends the shells that wait. Workloads that run go on. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([
      ...this.#waiting.splice(0).map((shell) => shell.dismiss()),
      ...this.#idle.splice(0).map((launcher) => launcher.close()),
      ...this.#tasks,
    ]);
  }

  #track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  async #add(): Promise<void> {
    const { signal } = this.#closing;
    let shell: WaitingShell;
    try {
      shell = await this.#start();
    } catch (error) {
      this.#options.logger.error(
        `Cannot start a shell for workloads: ${messageOf(error)}; trying again`,
      );
      const wait = backoff(this.#failures++, { min: 1_000, max: 30_000 });
      await this.#options.clock.sleep(wait, signal).catch(() => {});
      this.#starting--;
      return this.fill();
    }
    this.#starting--;
    if (signal.aborted) return await shell.dismiss();
    this.#failures = 0;
    this.#waiting.push(shell);
    shell.exited.then(() => this.#remove(shell));
    this.#options.onReady();
  }

  #remove(shell: WaitingShell): void {
    const index = this.#waiting.indexOf(shell);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    this.#options.logger.warn("A shell that waited for work was ended; starting another");
    this.#track(shell.dismiss());
    this.fill();
  }

  async #start(): Promise<WaitingShell> {
    const { workloadsFolder, env, host } = this.#options;
    const path = `${workloadsFolder}/${WAITING}${crypto.randomUUID()}`;
    fs.mkdirSync(path, { mode: 0o700 });
    let launcher: Launcher | undefined;
    try {
      launcher = this.#idle.pop() ??
        new Launcher({ host, cwd: workloadsFolder, env, args: this.#arguments });
      const folder = new CurrentFolder(path);
      const launched = await launcher.start(path, () => folder.current);
      const shell = new WaitingShell(launcher, launched, folder);
      shell.exited.then((exit) => {
        if (exit !== undefined) this.#track(this.#takeBack(shell, exit, launched.gone));
      });
      return shell;
    } catch (error) {
      await launcher?.close();
      removeFolder(path);
      throw error;
    }
  }

  async #takeBack({ launcher }: WaitingShell, exit: Exit, gone: Promise<boolean>): Promise<void> {
    const isWorn = exit.type !== "exited";
    if (!isWorn) this.#ending++;
    const reusable = await gone;
    if (!isWorn) this.#ending--;
    const wanted = reusable && !this.#closing.signal.aborted &&
      this.#idle.length < this.#options.size;
    if (wanted) this.#idle.push(launcher);
    if (!isWorn) this.fill();
    if (!wanted) await launcher.close();
  }
}

/** The folder of a workload, which has another name while its shells wait for their command. */
class CurrentFolder {
  current: WorkloadFolder;

  constructor(path: string) {
    this.current = new WorkloadFolder(path);
  }
}

/** Shells that wait for one command. */
export class WaitingShell {
  /** The process that will run it. */
  readonly process: ProcessIdentity;
  /** How it ended, once it did; `undefined` when that cannot be told from here any more. */
  readonly exited: Promise<Exit | undefined>;
  /** What has started it. */
  readonly launcher: Launcher;
  readonly #folder: CurrentFolder;

  /** Takes over shells that have just started in `folder`. */
  constructor(launcher: Launcher, { process, exited }: Launched, folder: CurrentFolder) {
    this.launcher = launcher;
    this.process = process;
    this.exited = exited;
    this.#folder = folder;
  }

  /** Makes `folder` the workload's own, which holds `files`, and lets it begin. */
  run(folder: WorkloadFolder, files: readonly WorkloadFile[], command: ShellCommand): void {
    // The shells' current directory follows the new name.
    fs.renameSync(this.#folder.current.path, folder.path);
    this.#folder.current = folder;
    for (const file of files) folder.write(file);
    this.launcher.send(commandLine(command));
  }

  /** Lets the shells end without work, and waits for them. */
  async dismiss(): Promise<void> {
    await this.launcher.close();
    removeFolder(this.#folder.current.path);
  }

  /** Stops waiting for the workload, which goes on. */
  leave(): void {
    this.launcher.leave();
  }
}

function removeFolder(path: string): void {
  fs.rmSync(path, { recursive: true, force: true });
}
