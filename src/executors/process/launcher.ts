/**
 * A shell in a session of its own that starts the shells of workloads, one after the other: no
 * terminal and no signal for the node reaches them. Starting each from here would hold the node up
 * for a millisecond or two, because a new session takes a fork of the whole node.
 *
 * @module
 */
import * as fs from "node:fs";
import { constants } from "node:os";
import type { ProcessIdentity } from "../../os/process_identity.ts";
import { OS } from "../../os/current.ts";
import { invocation } from "../../os/child_environment.ts";
import type { Exit, WorkloadFile, WorkloadFolder } from "../../workloads/folder.ts";
import { LineSplitter } from "../../workloads/line_splitter.ts";
import { type Host, signalOwnGroup } from "../../os/processes.ts";
import { LAUNCHERS } from "./shim.ts";

/** What a launcher is started with. */
export interface LauncherOptions {
  readonly host: Host;
  /** Where the folders of workloads are made. */
  readonly folder: string;
  /** The environment of the workloads. */
  readonly env: Readonly<Record<string, string>>;
  /** The arguments of its script. */
  readonly args: readonly string[];
}

/** The shells of one workload, as their launcher tells of them. */
export interface Launched {
  /** The outer one, which leads the process group. */
  readonly process: ProcessIdentity;
  /** How the workload ended; `undefined` when the launcher ended before it could tell. */
  readonly exited: Promise<Exit | undefined>;
  /** Resolves when the launcher can tell no more of them: with whether it starts others. */
  readonly gone: Promise<boolean>;
}

/** The shells that a launcher has started last. */
class Current {
  readonly ready = Promise.withResolvers<ProcessIdentity>();
  readonly exited = Promise.withResolvers<Exit | undefined>();
  readonly gone = Promise.withResolvers<boolean>();
  /** The workload's, once there is one. */
  folder: WorkloadFolder | undefined;
  /** Whether the outer one has told how the workload ended. */
  hasTold = false;

  constructor() {
    // Nobody may wait for them when the launcher ends.
    this.ready.promise.catch(() => {});
  }
}

/** The prefix of the folders of shells that still wait. */
export const WAITING = ".waiting-";

const encoder = new TextEncoder();

/** A shell that starts the shells of workloads. */
export class Launcher {
  readonly #host: Host;
  readonly #folder: string;
  /** Where the shells wait that come next. */
  #waitingFolder = "";
  #isPrepared = false;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #ended: Promise<void>;
  #current = new Current();
  /** What is still done about shells that are gone. */
  #parting: Promise<void> | undefined;

  /** Starts a launcher, which is to be closed. Throws when its shell cannot be run. */
  constructor({ host, folder, env, args }: LauncherOptions) {
    this.#host = host;
    this.#folder = folder;
    const script = ["-c", LAUNCHERS[host.shell], host.shell, ...args];
    const { command, ...options } = invocation(host.shell, script, env);
    this.#child = new Deno.Command(command, {
      ...options,
      clearEnv: true,
      detached: true,
      cwd: folder,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.getReader();
    this.#ended = this.#listen();
  }

  /** Resolves when the shells wait for their command that were prepared last. */
  async next(): Promise<Launched> {
    const { ready, exited, gone } = this.#current;
    return { process: await ready.promise, exited: exited.promise, gone: gone.promise };
  }

  /**
   * Makes the folder in which the shells wait the workload's own, which holds `files`, and hands
   * them the line that makes them run their command there. The next shells start as soon as these
   * are gone if they `follow`, else when `prepare()` says so.
   */
  run(folder: WorkloadFolder, files: readonly WorkloadFile[], line: string, follow: boolean): void {
    // The shells' current directory follows the new name.
    fs.renameSync(this.#waitingFolder, folder.path);
    this.#current.folder = folder;
    for (const file of files) folder.write(file);
    this.#isPrepared = follow;
    if (follow) this.#makeWaitingFolder();
    this.#send(follow ? `${line}${this.#waitingFolder}\n` : line);
  }

  /** Whether the next shells start without being asked for. */
  get isPrepared(): boolean {
    return this.#isPrepared;
  }

  /** Has the next shells start. */
  prepare(): void {
    this.#isPrepared = true;
    this.#makeWaitingFolder();
    this.#send(`${this.#waitingFolder}\n`);
  }

  /** Lets the launcher and shells that wait end, and waits for them. What runs goes on. */
  async close(): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#ended;
    if (this.#waitingFolder !== "") {
      fs.rmSync(this.#waitingFolder, { recursive: true, force: true });
    }
  }

  /** Stops listening to the launcher, which ends when the workload it has started does. */
  leave(): void {
    this.#child.unref();
    this.#input.close().catch(() => {});
    this.#output.cancel().catch(() => {});
  }

  #makeWaitingFolder(): void {
    this.#waitingFolder = `${this.#folder}/${WAITING}${crypto.randomUUID()}`;
    fs.mkdirSync(this.#waitingFolder, { mode: 0o700 });
  }

  #send(text: string): void {
    // A launcher that is gone says so itself.
    this.#input.write(encoder.encode(text)).catch(() => {});
  }

  async #listen(): Promise<void> {
    const lines = new LineSplitter((line) => this.#told(line));
    for (;;) {
      const { done, value } = await this.#output.read();
      if (done) break;
      lines.push(value);
    }
    const { code, signal } = await this.#child.status;
    await this.#parting;
    const { ready, exited, gone } = this.#current;
    // It starts no more.
    gone.resolve(false);
    // Where there is no bash, the launcher was the workload's outer shell itself.
    if (this.#host.shell === "sh") await this.#gone(code, signal ?? undefined);
    ready.reject(new Error("the shell that starts them has ended"));
    exited.resolve(undefined);
  }

  #told(line: string): void {
    const [, what, number, rest] = /^(\w+) (\d+) ?(.*)$/.exec(line) ?? [];
    switch (what) {
      case "ready": {
        const startTime = OS.processes.parseStartTime(rest);
        if (startTime === undefined) break;
        const { bootId } = this.#host;
        this.#current.ready.resolve({ pid: Number(number), startTime, bootId });
        break;
      }
      case "exited":
        this.#current.hasTold = true;
        this.#current.exited.resolve({ type: "exited", code: Number(number) });
        break;
      case "gone":
        this.#parting = this.#gone(Number(number), signalName(Number(number) - 128));
    }
  }

  /** The outer shell has ended, perhaps without telling how the workload did. */
  async #gone(code: number, signal: string | undefined): Promise<void> {
    const { folder, hasTold, ready, exited, gone } = this.#current;
    // The next ones may be ready before anybody asks for them.
    if (code === 0 && signal === undefined) this.#current = new Current();
    ready.reject(new Error(`it ended before it was ready (code ${code})`));
    const hasBegun = !hasTold && folder?.exitFile() !== undefined;
    if (!hasTold && signal !== undefined) {
      // Whoever kills the process that leads a workload means all of it, and is told that it ended,
      // also when its line is on the way and the inner half about to begin.
      await ready.promise.then(({ pid }) => signalOwnGroup(pid, "SIGKILL")).catch(() => {});
    }
    exited.resolve(exitOf(code, signal, hasBegun));
    gone.resolve(hasTold);
  }
}

function exitOf(code: number, signal: string | undefined, hasBegun: boolean): Exit {
  if (signal !== undefined) return { type: "killed", signal };
  return hasBegun ? { type: "exited", code } : { type: "never_began" };
}

function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}
