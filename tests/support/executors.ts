/** Where an executor runs commands for a test. */
import type {
  Execution,
  Executor,
  Exit,
  Handle,
  Reservation,
  Work,
} from "../../src/executors/executor.ts";
import { type Host, inspectHost, startTimes } from "../../src/os/processes.ts";
import { WorkloadFolder } from "../../src/workloads/folder.ts";
import { excerptOf } from "../../src/workloads/output.ts";
import { RecordingLogger } from "./events.ts";

export { fileWritten } from "./files.ts";

/** What this machine is. */
export const HOST: Host = await inspectHost();

/** The shells that templates may run under on this machine. */
export const HOSTS: readonly Host[] = HOST.shell === "bash"
  ? [HOST, { ...HOST, shell: "sh", shellPath: "sh" }]
  : [HOST];

/** What makes an executor: each call makes one that finds what the others started. */
export type ExecutorFactory = (bench: Bench) => Executor;

/** How a command ended, and what it printed. */
export interface Ended {
  readonly exit: Exit;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that was started. */
export interface Started {
  readonly execution: Execution;
  readonly folder: WorkloadFolder;
}

/** A place for commands: folders, a log, and an executor that can be replaced as a node is. */
export class Bench implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "cloud_node_executor_" });
  readonly workFolder: string = `${this.folder}/work`;
  readonly workloadsFolder: string = `${this.folder}/workloads`;
  readonly logger = new RecordingLogger();
  readonly #create: ExecutorFactory;
  readonly #started: Started[] = [];
  executor: Executor;
  #count = 0;

  constructor(create: ExecutorFactory) {
    this.#create = create;
    Deno.mkdirSync(this.workFolder);
    Deno.mkdirSync(this.workloadsFolder);
    this.executor = create(this);
  }

  /** Where the next command's files belong. */
  nextFolder(): WorkloadFolder {
    return new WorkloadFolder(`${this.workloadsFolder}/c${++this.#count}`);
  }

  /** A place for a command. */
  reserve(command: Pick<Work, "id" | "kind">): Reservation {
    const place = this.executor.reserve(command);
    if (place === undefined || "problem" in place) throw new Error(JSON.stringify(place));
    return place;
  }

  /** Starts a command. */
  start(work: Partial<Work> = {}): Started {
    const folder = work.folder ?? this.nextFolder();
    const id = work.id ?? folder.path.split("/").at(-1)!;
    const kind = work.kind ?? "inference";
    const execution = this.reserve({ id, kind }).start({
      params: "{}",
      files: [],
      env: {},
      ...work,
      id,
      kind,
      folder,
    });
    return this.#track({ execution, folder });
  }

  /** Runs a command to its end. */
  async run(work: Partial<Work> = {}): Promise<Ended> {
    return await this.ended(this.start(work));
  }

  /** How a command ended, once it has. */
  async ended({ execution, folder }: Started): Promise<Ended> {
    const exit = await execution.exit;
    const printed = new WorkloadFolder(folder.path, "output" in exit ? exit.output : undefined);
    const text = (stream: "stdout" | "stderr") => excerptOf(printed, stream, 1 << 30).text;
    return { exit, stdout: text("stdout"), stderr: text("stderr") };
  }

  /** Replaces the executor, as when a node ends without a word and the next one starts. */
  async restart(): Promise<void> {
    await this.executor[Symbol.asyncDispose]();
    this.executor = this.#create(this);
  }

  /** The execution that a later executor finds by a handle. */
  async recoverRunning(handle: Handle, folder: WorkloadFolder): Promise<Started> {
    const recovered = await this.executor.recover(handle, folder);
    if (recovered.type !== "running") throw new Error(`It is ${JSON.stringify(recovered)}`);
    return this.#track({ execution: recovered.execution, folder });
  }

  #track(started: Started): Started {
    this.#started.push(started);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.executor[Symbol.asyncDispose]();
    for (const { execution } of this.#started) killSession(execution.pid);
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function killSession(pid: number | undefined): void {
  try {
    if (pid !== undefined) Deno.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Whether a process exists and is no zombie. */
export async function isAlive(pid: number): Promise<boolean> {
  return (await startTimes([pid])).has(pid);
}
