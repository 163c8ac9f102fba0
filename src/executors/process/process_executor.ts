/**
 * The executor that runs each command as a process of its own.
 *
 * @module
 */
import * as fs from "node:fs";
import type { BodyForm } from "../../config/node_config.ts";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { memoryLimit, type MemoryLimiter } from "../../os/memory_limiter.ts";
import type { Host } from "../../os/processes.ts";
import type { Clock } from "../../time.ts";
import { PARAMS_FILE, type WorkloadFile, type WorkloadFolder } from "../../workloads/folder.ts";
import {
  type Execution,
  type Executor,
  type ExecutorStatus,
  type Handle,
  PROCESS_EXECUTOR,
  type Recovered,
  type Reservation,
  type Work,
} from "../executor.ts";
import { type Observed, ProcessExecution } from "./execution.ts";
import { Launch } from "./launch.ts";
import { Meter } from "./meter.ts";
import { examine, untilDrained, Watch } from "./observe.ts";
import { Spares } from "./spares.ts";
import type { Supervisor, SupervisorOptions } from "./supervisor.ts";
import { commandProgram } from "./command_program.ts";
import { isLargeBody, MAX_INLINE_BODY } from "./template.ts";

/** What a process executor works with. */
export interface ProcessExecutorOptions {
  /** Its name in handles. Default: `process`. */
  readonly name?: string;
  /** The templates, as configured, by the kind of command. */
  readonly templates: Readonly<Partial<Record<string, string>>>;
  /** What `{body}` is, by the kind of command. Default: JSON. */
  readonly body?: Readonly<Partial<Record<string, BodyForm>>>;
  /** The Python that runs functions of files. Default: that of `.venv`, else the system's. */
  readonly python?: string;
  /** The environment of all workloads. */
  readonly env: Readonly<Record<string, string>>;
  /** Where templates run. */
  readonly workFolder: string;
  readonly host: Host;
  /** How many bytes each stream of a workload's output may take on disk. Default: 1 GiB. */
  readonly maxOutputFiles?: number;
  /** Supervisors that wait for commands while some come. Default: none wait. */
  readonly spares?: { readonly workloadsFolder: string; readonly count: number };
  /** How many bytes of memory commands of a kind may have, and what sees to that. Default: all there is. */
  readonly memory?: {
    readonly limits: Readonly<Partial<Record<string, number>>>;
    readonly limiter: MemoryLimiter;
  };
  /** Whether to measure what commands use while they run. Default: what they have used is known at their end. */
  readonly isMetered?: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

const GIBIBYTE = 1024 ** 3;

/** Runs each command as a process of its own. There is always room for another one. */
export class ProcessExecutor implements Executor {
  onRoom?: () => void;
  readonly #options: ProcessExecutorOptions;
  readonly #name: string;
  readonly #executions = new Set<Execution>();
  readonly #spares: Spares | undefined;
  readonly #meter: Meter | undefined;
  #isStopped = false;

  /** Starts nothing yet. */
  constructor(options: ProcessExecutorOptions) {
    this.#options = options;
    this.#name = options.name ?? PROCESS_EXECUTOR;
    const { spares, isMetered = false } = options;
    this.#meter = isMetered ? new Meter(options) : undefined;
    this.#spares = spares && new Spares({ ...options, ...this.#supervision, ...spares });
    const { unreadable } = options.host;
    if (unreadable.length > 0) {
      options.logger.warn(
        `Workloads do not get ${unreadable.join(", ")}: not valid UTF-8 in the node's environment`,
      );
    }
  }

  reserve(_command: Pick<Work, "id" | "kind">): Reservation | undefined {
    if (this.#isStopped) return undefined;
    const spare = this.#spares?.take();
    const handle: Handle = {
      executor: this.#name,
      attempt: spare?.attempt ?? crypto.randomUUID(),
      bootId: this.#options.host.bootId,
    };
    return {
      handle,
      // Its claim is made there: without it nobody can tell whether the attempt began.
      prepare: (folder) => folder.create(),
      start: (work) => this.#start(handle, work, spare),
      release: () => spare && this.#spares?.putBack(spare),
    };
  }

  async recover(handle: Handle, folder: WorkloadFolder): Promise<Recovered> {
    const recovery = await examine(handle, folder, this.#options);
    switch (recovery.action) {
      case "requeue":
        return { type: "not_started" };
      case "collect": {
        const { exit, used } = recovery;
        await untilDrained(handle.attempt, this.#options);
        return { type: "ended", exit, ...(used && { resources: used }) };
      }
      case "attach": {
        const running = { ...handle, process: recovery.process };
        const watch = new Watch(running, folder, recovery.ageMs, this.#options);
        return { type: "running", execution: this.#execution(handle, watch) };
      }
    }
  }

  status(): ExecutorStatus {
    return { state: this.#isStopped ? "stopped" : "ready" };
  }

  /** Stops watching what runs, which goes on without the node. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    for (const execution of this.#executions) execution.detach();
    await this.#meter?.close();
    await this.#spares?.close();
  }

  /** What is the same for all supervisors. */
  get #supervision(): Omit<SupervisorOptions, "attempt" | "folder"> {
    const { env, workFolder, host, maxOutputFiles = GIBIBYTE } = this.#options;
    return { env, workFolder, host, maxOutputFiles };
  }

  #start(handle: Handle, work: Work, spare: Supervisor | undefined): Execution {
    return this.#execution(handle, this.#launch(handle, work, spare));
  }

  #launch(handle: Handle, work: Work, spare: Supervisor | undefined): Observed {
    const { templates, body = {}, python, memory, logger } = this.#options;
    const { id, kind, params, folder } = work;
    const template = templates[kind];
    const program = template === undefined
      ? { problem: `there is no template for ${kind}` }
      : commandProgram({ template, kind, params, folder, python, body: body[kind] });
    if ("problem" in program) {
      if (spare !== undefined) this.#spares?.putBack(spare);
      return neverStarted(program.problem);
    }
    const waiting = spare !== undefined && rename(spare.folder, folder) ? spare : undefined;
    if (spare !== undefined && waiting === undefined) this.#spares?.discard(spare);
    try {
      writeFiles(work, program.files);
    } catch (error) {
      if (waiting !== undefined) this.#spares?.discard(waiting);
      return neverStarted(`its files could not be written: ${messageOf(error)}`);
    }
    if (body[kind] !== "file" && isLargeBody(params) && template?.includes("{body}")) {
      logger.info(
        `${kind} ${id}: the params are larger than ${MAX_INLINE_BODY} bytes, so {body} is the path ` +
          "of a file that holds them",
      );
    }
    const options = { ...this.#supervision, attempt: handle.attempt, folder };
    const { source, variables } = program;
    const bytes = memory?.limits[kind];
    const limit = bytes === undefined ? {} : memoryLimit(memory!.limiter, bytes);
    const orders = { source, env: { ...work.env, ...variables }, folder, limit };
    const launch = new Launch(handle, options, orders, this.#options, waiting);
    launch.started.then(() => this.#spares?.fillSoon());
    return launch;
  }

  #execution(handle: Handle, observed: Observed): Execution {
    const execution = new ProcessExecution(handle, observed, {
      ...this.#options,
      meter: this.#meter,
    });
    this.#executions.add(execution);
    execution.exit.then(() => this.#executions.delete(execution));
    return execution;
  }
}

function writeFiles({ folder, params, files }: Work, more: readonly WorkloadFile[]): void {
  if (!folder.exists) folder.create();
  for (const file of [{ name: PARAMS_FILE, bytes: params }, ...files, ...more]) {
    try {
      folder.write(file);
    } catch {
      // An earlier attempt that never began may have left it. Its claim stays: it still must not begin.
      fs.rmSync(`${folder.path}/${file.name}`, { force: true });
      folder.write(file);
    }
  }
}

/** Gives the folder of a supervisor that waits the name of one that is empty, or not there yet. */
function rename(from: WorkloadFolder, to: WorkloadFolder): boolean {
  try {
    fs.renameSync(from.path, to.path);
    return true;
  } catch {
    // An earlier attempt has left its claim there.
    return false;
  }
}

function neverStarted(why: string): Observed {
  return {
    pid: undefined,
    started: new Promise(() => {}),
    ageMs: 0,
    ended: Promise.resolve({ type: "not_started", why }),
    leave() {},
  };
}
