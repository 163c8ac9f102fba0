/** Deno programs, measured from outside. */
import { fileURLToPath } from "node:url";

/** A module, relative to this folder, and what it is run with. */
export interface ProgramOptions {
  readonly module: string;
  readonly args?: string[];
  readonly env?: Record<string, string>;
}

/** A Deno program that runs in a process of its own. What it prints is thrown away. */
export class Program implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  #wanted = true;

  /** Starts it. That it ends by itself is an error which nobody catches. */
  constructor(options: ProgramOptions) {
    this.#process = spawn(options, "null");
    this.#process.status.then(({ code }) => {
      if (this.#wanted) throw new Error(`${options.module} ended by itself, with code ${code}`);
    });
  }

  /** How much memory it has, in MB. Only Linux tells. */
  rss(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#process.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#wanted = false;
    this.#process.kill("SIGTERM");
    await this.#process.status;
  }
}

/** How many milliseconds a program takes from its start until it prints `line` as its log. */
export async function timeToLine(options: ProgramOptions, line: string): Promise<number> {
  const start = performance.now();
  const process = spawn(options, "piped");
  let elapsed: number | undefined;
  let log = "";
  for await (const text of process.stderr.pipeThrough(new TextDecoderStream())) {
    log += text;
    if (elapsed !== undefined || !log.includes(line)) continue;
    elapsed = performance.now() - start;
    process.kill("SIGTERM");
  }
  await process.status;
  if (elapsed === undefined) throw new Error(`${options.module} was never ready:\n${log}`);
  return elapsed;
}

function spawn({ module, args = [], env }: ProgramOptions, stderr: "null" | "piped") {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fileURLToPath(new URL(module, import.meta.url)), ...args],
    clearEnv: true,
    env: { ...cleanEnvironment(), ...env },
    stdin: "null",
    stdout: "null",
    stderr,
  }).spawn();
}

/** The environment without what is set for the nodes of this machine. */
function cleanEnvironment(): Record<string, string> {
  const variables = Object.entries(Deno.env.toObject());
  return Object.fromEntries(variables.filter(([name]) => !name.startsWith("CYBERWAVE_")));
}
