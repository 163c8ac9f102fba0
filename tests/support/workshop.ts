/** Where workloads run for a test: real shells in folders of their own. */
import type { StopRequest } from "../../src/journal/record.ts";
import type { ProcessIdentity } from "../../src/os/process_identity.ts";
import type { WorkloadKind } from "../../src/protocol/kinds.ts";
import { type Clock, systemClock } from "../../src/time.ts";
import type { Exit, WorkloadFolder } from "../../src/workloads/folder.ts";
import { type Host, inspectHost, startTimes } from "../../src/os/processes.ts";
import { Runner } from "../../src/executors/process/runner.ts";
import type { Accepted, RunningWorkload } from "../../src/executors/process/running.ts";
import { ShellPool, type WaitingShell } from "../../src/executors/process/shell_pool.ts";
import { Inbox, RecordingLogger } from "./events.ts";
import { newCommand, processHandle } from "./journal.ts";

/** What this machine is. */
export const HOST: Host = await inspectHost();

/** The shells that templates may run under on this machine. */
export const SHELLS: readonly Host["shell"][] = HOST.shell === "bash" ? ["bash", "sh"] : ["sh"];

/** What may be told about a workshop. */
export interface WorkshopOptions {
  readonly templates: Partial<Record<WorkloadKind, string>>;
  readonly shell?: Host["shell"];
  readonly env?: Readonly<Record<string, string>>;
  readonly size?: number;
  readonly clock?: Clock;
  readonly cancelGrace?: number;
  readonly timeout?: Partial<Record<WorkloadKind, number>>;
}

/** A workload that ended. */
export interface Ended {
  readonly exit: Exit;
  readonly running: RunningWorkload;
  readonly folder: WorkloadFolder;
  readonly stdout: string;
  readonly stderr: string;
}

/** A pool that remembers what it gave away, so that a test can wait for the end of all of it. */
export class WatchedPool extends ShellPool {
  readonly #exited: Promise<unknown>[] = [];

  override take(): WaitingShell | undefined {
    const shell = super.take();
    if (shell !== undefined) this.#exited.push(shell.exited);
    return shell;
  }

  /** Resolves when every process that came from here has ended. */
  async exited(): Promise<void> {
    // A node that leaves no longer waits for its workloads: something else must.
    const awake = setInterval(() => {}, 1_000);
    await Promise.all(this.#exited);
    clearInterval(awake);
  }
}

/** Kills a workload and all that belongs to it, if it still runs. */
export function killGroup({ pid }: ProcessIdentity): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Where workloads run. */
export class Workshop implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "cloud_node_workshop_" });
  readonly workloadsFolder: string = `${this.folder}/workloads`;
  readonly workFolder: string = `${this.folder}/work`;
  readonly logger = new RecordingLogger();
  readonly pool: WatchedPool;
  readonly runner: Runner;
  /** How many shells have become ready. */
  readonly ready = new Inbox<void>();
  /** What workloads were asked to stop. */
  readonly stops = new Inbox<StopRequest>();
  readonly #ended = new Inbox<{ running: RunningWorkload; exit: Exit }>();
  readonly #running = new Set<RunningWorkload>();
  readonly #done = new Set<number>();
  #count = 0;

  constructor(options: WorkshopOptions) {
    const { templates, shell = HOST.shell, env = { PATH: Deno.env.get("PATH")! } } = options;
    const { size = 1, clock = systemClock, cancelGrace = 10, timeout = {} } = options;
    const { workloadsFolder, workFolder, logger } = this;
    Deno.mkdirSync(workloadsFolder);
    Deno.mkdirSync(workFolder);
    const host = { ...HOST, shell };
    this.pool = new WatchedPool({
      size,
      workloadsFolder,
      workFolder,
      env,
      templates,
      host,
      clock,
      logger,
      onReady: () => this.ready.push(),
    });
    this.runner = new Runner({
      context: { host, clock, logger },
      workloadsFolder,
      timeout,
      cancelGrace,
      pool: this.pool,
      requestStop: (_id, stop) => this.stops.push(stop),
      onEnded: (running, exit) => this.#ended.push({ running, exit }),
    });
  }

  /** A shell that is ready. */
  async shell(): Promise<WaitingShell> {
    this.pool.fill();
    await this.ready.next();
    return this.pool.take()!;
  }

  /** Starts a workload. */
  async start(params: unknown = {}, given: Partial<Accepted> = {}): Promise<RunningWorkload> {
    const command = newCommand(`c${++this.#count}`, given);
    const text = typeof params === "string" ? params : JSON.stringify(params);
    const running = this.runner.launch(command, text, await this.shell());
    this.#running.add(running);
    return running;
  }

  /** Takes up a workload as a node does that starts later. */
  attach(id: string, process: ProcessIdentity, stop?: StopRequest): RunningWorkload {
    const command = newCommand(id);
    const running = this.runner.attach({
      ...command,
      state: "running",
      acceptedAt: 0,
      startedAt: 0,
      handle: processHandle(process),
      stop,
      endedAt: undefined,
      end: undefined,
    });
    this.#running.add(running);
    return running;
  }

  /** How a workload ended, once it has. */
  async ended(running: RunningWorkload): Promise<Ended> {
    const { exit } = await this.#ended.next((ended) => ended.running === running);
    this.#done.add(running.process.pid);
    await running.release();
    const text = (stream: "stdout" | "stderr") => running.folder.excerpt(stream, 1 << 30).text;
    return {
      exit,
      running,
      folder: running.folder,
      stdout: text("stdout"),
      stderr: text("stderr"),
    };
  }

  /** Runs a workload to its end. */
  async run(params: unknown = {}, given: Partial<Accepted> = {}): Promise<Ended> {
    return await this.ended(await this.start(params, given));
  }

  /** The names of what is in the workloads' folder. */
  folders(): string[] {
    return Array.from(Deno.readDirSync(this.workloadsFolder), ({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.runner.leave();
    await Promise.all([...this.#running].map((running) => running.release()));
    for (const { process } of this.#running) if (!this.#done.has(process.pid)) killGroup(process);
    await this.pool.close();
    await this.pool.exited();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** Runs one template with these params, to its end. */
export async function runOnce(
  inference: string,
  params: unknown = {},
  options: Omit<WorkshopOptions, "templates"> & { readonly command?: Partial<Accepted> } = {},
): Promise<Ended> {
  await using workshop = new Workshop({ ...options, templates: { inference } });
  return await workshop.run(params, options.command);
}

/** Whether a process exists and is no zombie. */
export async function isAlive(pid: number): Promise<boolean> {
  return (await startTimes([pid])).has(pid);
}

/** Resolves when `path` exists and has a whole line in it, with its text. */
export async function fileWritten(path: string): Promise<string> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const watcher = Deno.watchFs(folder);
  const read = () => {
    try {
      return Deno.readTextFileSync(path);
    } catch {
      return "";
    }
  };
  if (read().includes("\n")) {
    watcher.close();
    return read();
  }
  for await (const _ of watcher) if (read().includes("\n")) return read();
  throw new Error(`${path} was never written`);
}
