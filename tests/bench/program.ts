/** Programs, started and measured from outside. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandOf, DENO_DIR } from "../support/command.ts";
import type { Site } from "./measure.ts";

/** How to start a program. */
export interface ProgramOptions {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Resolves the packages of all programs, as `deno install` does for the node's: without a lock file
 * Deno does so at each start. Returns the path of the lock file.
 */
export async function lockPackages(folder: string): Promise<string> {
  const lock = join(folder, "deno.lock");
  const modules = ["../../main.ts", "./echo.ts", "./modules.ts"].map(pathOf);
  const command = [Deno.execPath(), "cache", "--quiet", `--lock=${lock}`, ...modules];
  await runProgram({ command });
  return lock;
}

/** The command that runs a module of this folder. */
export function moduleCommand({ lock }: Locked, name: string, ...args: string[]): string[] {
  return [Deno.execPath(), "run", "--quiet", "-A", `--lock=${lock}`, pathOf(name), ...args];
}

/** The command that runs the node's program, which is CLOUD_NODE_BIN where that is set. */
export function nodeCommand({ lock }: Locked, ...args: string[]): string[] {
  return [...commandOf(["-A", `--lock=${lock}`]), ...args];
}

/** The lock file that programs are run with. */
type Locked = Pick<Site, "lock">;

function pathOf(module: string): string {
  return fileURLToPath(new URL(module, import.meta.url));
}

/** A program in a process of its own. Its output is discarded. */
export class Program implements AsyncDisposable {
  /** Its process id. */
  readonly pid: number;
  /** Rejects when the program ends before it is disposed of. */
  readonly failed: Promise<never>;
  readonly #child: Deno.ChildProcess;
  readonly #signal: Deno.Signal;
  #ending = false;

  /** Starts it. It is ended with that signal. */
  constructor(options: ProgramOptions, signal: Deno.Signal = "SIGTERM") {
    this.#signal = signal;
    this.#child = spawn(options);
    this.pid = this.#child.pid;
    this.failed = this.#child.status.then(({ code }) => {
      if (this.#ending) return new Promise<never>(() => {});
      throw new Error(`"${options.command.join(" ")}" ended by itself, with code ${code}`);
    });
    this.failed.catch(() => {});
  }

  /** Its resident memory in MiB: VmRSS of /proc. */
  rss(): number {
    const status = Deno.readTextFileSync(`/proc/${this.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024;
  }

  /** What its first thread, which runs the event loop, has computed, in milliseconds. */
  threadMs(): number {
    return Number(Deno.readTextFileSync(`/proc/${this.pid}/schedstat`).split(" ")[0]) / 1e6;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    try {
      this.#child.kill(this.#signal);
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
  }
}

/** Runs a program to its end, which has to be a success. */
export async function runProgram(options: ProgramOptions): Promise<void> {
  const { code } = await spawn(options).status;
  if (code !== 0) throw new Error(`"${options.command.join(" ")}" ended with code ${code}`);
}

function spawn({ command: [program, ...args], env }: ProgramOptions): Deno.ChildProcess {
  return new Deno.Command(program, {
    args,
    clearEnv: true,
    env: { ...inherited(), DENO_DIR, ...env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** The environment without the settings of this machine's own nodes. */
function inherited(): Record<string, string> {
  const variables = Object.entries(Deno.env.toObject());
  return Object.fromEntries(variables.filter(([name]) => !name.startsWith("CYBERWAVE_")));
}
