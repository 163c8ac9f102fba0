/**
 * Shells that wait for work. Starting one takes longer than a short workload runs, so it is done
 * before the command comes.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../../errors.ts";
import type { ProcessIdentity } from "../../os/process_identity.ts";
import type { Logger } from "../../log.ts";
import { WORKLOAD_KINDS, type WorkloadKind } from "../../protocol/kinds.ts";
import { backoff, type Clock } from "../../time.ts";
import type { Exit, WorkloadFile, WorkloadFolder } from "../../workloads/folder.ts";
import { type Launched, Launcher, WAITING } from "./launcher.ts";
import type { Host } from "../../os/processes.ts";
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

/** For how long a command that has just begun has the machine to itself. */
const FILL_AFTER_MS = 20;

/** Shells that wait for work. */
export class ShellPool {
  readonly #options: ShellPoolOptions;
  readonly #arguments: string[];
  readonly #closing = new AbortController();
  readonly #waiting: WaitingShell[] = [];
  /** How many launchers are about to have shells that wait. */
  #starting = 0;
  #filling = false;
  /** Aborts when somebody waits for a shell. */
  #hurry = new AbortController();
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
    ShellPool.#clear(options.workloadsFolder);
  }

  /** Clears away what an earlier node left of shells that waited. */
  static #clear(folder: string): void {
    for (const name of fs.readdirSync(folder).filter((name) => name.startsWith(WAITING))) {
      fs.rmSync(`${folder}/${name}`, { recursive: true, force: true });
    }
  }

  /** Starts shells until enough wait. */
  fill(): void {
    if (this.#closing.signal.aborted) return;
    if (this.#waiting.length === 0) {
      this.#hurry.abort();
      this.#hurry = new AbortController();
    }
    while (this.#waiting.length + this.#starting < this.#options.size) {
      this.#starting++;
      this.#track(this.#start());
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
    await Promise.all(this.#waiting.splice(0).map((shell) => shell.dismiss()));
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  #track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  async #start(): Promise<void> {
    const { host, workloadsFolder, env, logger, clock } = this.#options;
    const { signal } = this.#closing;
    let launcher: Launcher | undefined;
    try {
      launcher = new Launcher({ host, folder: workloadsFolder, env, args: this.#arguments });
      launcher.prepare();
      await this.#await(launcher);
    } catch (error) {
      await launcher?.close();
      logger.error(`Cannot start a shell for workloads: ${messageOf(error)}; trying again`);
      const wait = backoff(this.#failures++, { min: 1_000, max: 30_000 });
      await clock.sleep(wait, signal).catch(() => {});
      this.#starting--;
      return this.fill();
    }
    this.#failures = 0;
  }

  /** Waits until the next shells of a launcher wait, of which `#starting` knows. */
  async #await(launcher: Launcher): Promise<void> {
    const launched = await launcher.next();
    this.#starting--;
    const shell = new WaitingShell(launcher, launched, () => this.#waiting.length === 0);
    if (this.#closing.signal.aborted) return await shell.dismiss();
    this.#waiting.push(shell);
    shell.exited.then((exit) => this.#track(this.#ended(shell, launched, exit)));
    this.#options.onReady();
  }

  async #ended(shell: WaitingShell, { gone }: Launched, exit: Exit | undefined): Promise<void> {
    const index = this.#waiting.indexOf(shell);
    if (index !== -1) {
      this.#waiting.splice(index, 1);
      this.#options.logger.warn("A shell that waited for work was ended; starting another");
    }
    // It is about to have others that wait, and then no other launcher is needed. In a burst as many
    // work as wait: those that end are kept for what comes at once.
    const kept = 2 * this.#options.size;
    const goesOn = exit?.type === "exited" && this.#waiting.length + this.#starting < kept;
    if (goesOn) this.#starting++;
    else if (index !== -1) this.fill();
    try {
      if (goesOn && await gone) return await this.#goOn(shell.launcher);
    } catch {
      // A full disk, or a launcher that ended: another one is tried, and says so.
    }
    if (goesOn) this.#lost();
    await shell.dismiss();
  }

  /** Has a launcher start its next shells: not at once, unless somebody waits for them. */
  async #goOn(launcher: Launcher): Promise<void> {
    if (!launcher.isPrepared) {
      const signal = AbortSignal.any([this.#closing.signal, this.#hurry.signal]);
      await this.#options.clock.sleep(FILL_AFTER_MS, signal).catch(() => {});
      launcher.prepare();
    }
    await this.#await(launcher);
  }

  /** A launcher that was to have shells that wait has none. */
  #lost(): void {
    this.#starting--;
    this.fill();
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
  readonly #isLast: () => boolean;

  /** Takes over shells that wait; `isLast` tells whether no others do. */
  constructor(launcher: Launcher, { process, exited }: Launched, isLast: () => boolean) {
    this.launcher = launcher;
    this.#isLast = isLast;
    this.process = process;
    this.exited = exited;
  }

  /** Makes `folder` the workload's own, which holds `files`, and lets it begin there. */
  run(folder: WorkloadFolder, files: readonly WorkloadFile[], command: ShellCommand): void {
    this.launcher.run(folder, files, commandLine(command), this.#isLast());
  }

  /** Lets the shells end without work, and waits for them. */
  dismiss(): Promise<void> {
    return this.launcher.close();
  }

  /** Stops waiting for the workload, which goes on. */
  leave(): void {
    this.launcher.leave();
  }
}
