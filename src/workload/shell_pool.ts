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
import { type Exit, WorkloadFolder } from "./folder.ts";
import { type Host, parseStartTime } from "./processes.ts";
import { commandLine, INNER_SCRIPT, OUTER_SCRIPT, type ShellCommand, shellSource } from "./shim.ts";

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

/** Shells that wait for work. */
export class ShellPool {
  readonly #options: ShellPoolOptions;
  readonly #arguments: string[];
  readonly #closing = new AbortController();
  readonly #waiting: WaitingShell[] = [];
  #starting = 0;
  /** Those who start shells, to be waited for at the end. */
  readonly #starters = new Set<Promise<void>>();
  #failures = 0;

  /** Makes a pool; `fill()` starts its shells. */
  constructor(options: ShellPoolOptions) {
    this.#options = options;
    this.#arguments = [
      "-c",
      OUTER_SCRIPT,
      "cloud-node",
      options.host.shell,
      INNER_SCRIPT,
      options.workFolder,
      ...WORKLOAD_KINDS.map((kind) => shellSource(options.templates[kind] ?? "")),
    ];
    for (const name of fs.readdirSync(options.workloadsFolder)) {
      if (name.startsWith(WAITING)) removeFolder(`${options.workloadsFolder}/${name}`);
    }
  }

  /** Starts shells until enough wait. */
  fill(): void {
    if (this.#closing.signal.aborted) return;
    while (this.#waiting.length + this.#starting < this.#options.size) {
      this.#starting++;
      const starter = this.#add().finally(() => this.#starters.delete(starter));
      this.#starters.add(starter);
    }
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
    const dismissed = this.#waiting.splice(0).map((shell) => shell.dismiss());
    await Promise.all([...dismissed, ...this.#starters]);
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
    // Its inner half may still wait.
    shell.dismiss();
    this.fill();
  }

  async #start(): Promise<WaitingShell> {
    const { workloadsFolder, env, host } = this.#options;
    const folder = `${workloadsFolder}/${WAITING}${crypto.randomUUID()}`;
    fs.mkdirSync(folder, { mode: 0o700 });
    try {
      // A session of its own: no terminal and no signal for the node reaches the workload. Deno's
      // way to one forks the node, which takes it five times as long as to start setsid(1).
      const { setsid = false } = host;
      const child = new Deno.Command(setsid ? "setsid" : "sh", {
        args: setsid ? ["sh", ...this.#arguments] : this.#arguments,
        detached: !setsid,
        cwd: folder,
        clearEnv: true,
        env,
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const startTime = parseStartTime((await new Response(child.stdout).text()).trim());
      if (startTime === undefined) {
        await child.stdin.close().catch(() => {});
        throw new Error("it does not tell when it started");
      }
      return new WaitingShell(child, { pid: child.pid, startTime, bootId: host.bootId }, folder);
    } catch (error) {
      removeFolder(folder);
      throw error;
    }
  }
}

/** A shell that waits for one command. */
export class WaitingShell {
  /** The process that will run it. */
  readonly process: ProcessIdentity;
  /** How it ended, once it did. */
  readonly exited: Promise<Exit>;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #folder: WorkloadFolder;

  /** Takes over a shell that has just started in `folder`. */
  constructor(child: Deno.ChildProcess, process: ProcessIdentity, folder: string) {
    this.#child = child;
    this.process = process;
    this.#folder = new WorkloadFolder(folder);
    this.#input = child.stdin.getWriter();
    this.exited = child.status.then((status) => this.#exit(status));
  }

  /** The folder of the workload. */
  get folder(): string {
    return this.#folder.path;
  }

  /**
   * Makes `folder` the workload's own, which holds its params, and lets it begin. Resolves when the
   * shell has its command.
   */
  run(folder: WorkloadFolder, params: string, command: ShellCommand): Promise<void> {
    // The shells' current directory follows the new name.
    fs.renameSync(this.#folder.path, folder.path);
    this.#folder = folder;
    folder.writeParams(params);
    return this.#send(new TextEncoder().encode(commandLine(command)));
  }

  /** Lets the shell end without work, and waits for it. */
  async dismiss(): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#child.status;
    removeFolder(this.#folder.path);
  }

  /** Stops waiting for the workload, which goes on. */
  leave(): void {
    this.#child.unref();
  }

  async #send(line: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      await this.#input.write(line);
      await this.#input.close();
    } catch {
      // The shell is gone: `exited` tells that it never began.
    }
  }

  #exit(status: Deno.CommandStatus): Exit {
    if (status.signal !== null) return { type: "killed", signal: status.signal };
    const recorded = this.#folder.exitFile();
    return recorded === undefined ? { type: "never_began" } : { type: "exited", code: status.code };
  }
}

function removeFolder(path: string): void {
  fs.rmSync(path, { recursive: true, force: true });
}
