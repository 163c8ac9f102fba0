/**
 * A shell in a session of its own that starts the shells of workloads, one after the other: no
 * terminal and no signal for the node reaches them. Starting each from here would hold the node up
 * for a millisecond or two, because a new session takes a fork of the whole node.
 *
 * @module
 */
import { constants } from "node:os";
import type { ProcessIdentity } from "../journal/record.ts";
import { PLATFORM } from "../platform/current.ts";
import { invocation } from "./environment.ts";
import type { Exit, WorkloadFolder } from "./folder.ts";
import { LineSplitter } from "./lines.ts";
import { type Host, signalOwnGroup } from "./processes.ts";
import { LAUNCHERS } from "./shim.ts";

/** What a launcher is started with. */
export interface LauncherOptions {
  readonly host: Host;
  /** A folder that lasts. */
  readonly cwd: string;
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
  /** Resolves when the launcher can tell no more: with whether it may start other shells. */
  readonly gone: Promise<boolean>;
}

/** The shells that a launcher has started last. */
interface Current {
  readonly folder: () => WorkloadFolder;
  readonly ready: PromiseWithResolvers<ProcessIdentity>;
  readonly exited: PromiseWithResolvers<Exit | undefined>;
  readonly gone: PromiseWithResolvers<boolean>;
}

const encoder = new TextEncoder();

/** A shell that starts the shells of workloads. */
export class Launcher {
  readonly #host: Host;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #ended: Promise<void>;
  #current: Current | undefined;

  /** Starts a launcher. Throws when its shell cannot be run. */
  constructor({ host, cwd, env, args }: LauncherOptions) {
    this.#host = host;
    const script = ["-c", LAUNCHERS[host.shell], host.shell, ...args];
    const { command, ...options } = invocation(host.shell, script, env);
    this.#child = new Deno.Command(command, {
      ...options,
      clearEnv: true,
      detached: true,
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.getReader();
    this.#ended = this.#listen();
  }

  /**
   * Starts the shells of a workload in `path`, and resolves when they wait for their command.
   * `folder` tells what that folder is called when they have ended.
   */
  async start(path: string, folder: () => WorkloadFolder): Promise<Launched> {
    const current: Current = {
      folder,
      ready: Promise.withResolvers(),
      exited: Promise.withResolvers(),
      gone: Promise.withResolvers(),
    };
    this.#current = current;
    const { reject } = current.ready;
    this.#ended.then(() => reject(new Error("the shell that starts them has ended")));
    this.send(`${path}\n`);
    return {
      process: await current.ready.promise,
      exited: current.exited.promise,
      gone: current.gone.promise,
    };
  }

  /** Hands a line to the shells that wait. */
  send(line: string): void {
    // A launcher that is gone says so itself.
    this.#input.write(encoder.encode(line)).catch(() => {});
  }

  /** Lets the launcher and shells that wait end, and waits for them. What runs goes on. */
  async close(): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#ended;
  }

  /** Stops listening to the launcher, which ends when the workload it has started does. */
  leave(): void {
    this.#child.unref();
    this.#input.close().catch(() => {});
    this.#output.cancel().catch(() => {});
  }

  async #listen(): Promise<void> {
    const lines = new LineSplitter((line) => this.#told(line));
    for (;;) {
      const { done, value } = await this.#output.read();
      if (done) break;
      lines.push(value);
    }
    const { code, signal } = await this.#child.status;
    // Where there is no bash, the launcher was the workload's outer shell itself.
    if (this.#host.shell === "sh") this.#gone(code, signal ?? undefined);
    this.#current?.exited.resolve(undefined);
    this.#current?.gone.resolve(false);
  }

  #told(line: string): void {
    const [, what, number, rest] = /^(\w+) (\d+) ?(.*)$/.exec(line) ?? [];
    switch (what) {
      case "ready": {
        const startTime = PLATFORM.processes.parseStartTime(rest);
        if (startTime === undefined) break;
        const { bootId } = this.#host;
        this.#current?.ready.resolve({ pid: Number(number), startTime, bootId });
        break;
      }
      case "exited":
        this.#current?.exited.resolve({ type: "exited", code: Number(number) });
        break;
      case "gone":
        this.#gone(Number(number), signalName(Number(number) - 128));
    }
  }

  /** The outer shell has ended, perhaps without telling how the workload did. */
  async #gone(code: number, signal: string | undefined): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    current.ready.reject(new Error(`it ended before it was ready (code ${code})`));
    const began = current.folder().exitFile() !== undefined;
    const told = await Promise.race([current.exited.promise, undefined]);
    if (told === undefined && began && signal !== undefined) {
      // Whoever kills the process that leads a workload means all of it, and is told that it ended.
      const { pid } = await current.ready.promise;
      await signalOwnGroup(pid, "SIGKILL").catch(() => {});
    }
    current.exited.resolve(
      signal !== undefined
        ? { type: "killed", signal }
        : began
        ? { type: "exited", code }
        : { type: "never_began" },
    );
    // Without its outer half the inner one may still wait for a line, and would take the next.
    current.gone.resolve(told !== undefined);
  }
}

function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}
