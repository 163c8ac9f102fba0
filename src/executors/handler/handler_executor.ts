/**
 * The executor that runs commands by functions of the program that embeds the node.
 *
 * What it runs ends with the process, and cannot be killed before. It outlives the run of a node
 * within the process: the next run finds it again.
 *
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Clock } from "../../time.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import type {
  Execution,
  Executor,
  ExecutorStatus,
  Handle,
  Recovered,
  Reservation,
  Work,
} from "../executor.ts";
import { claimForNode, claimPath } from "../process/claim.ts";
import type { Handler } from "./handler.ts";
import { HandlerExecution } from "./handler_execution.ts";
import { readExit } from "./handler_exit.ts";

/** What a handler executor works with. */
interface HandlerExecutorOptions {
  /** Its name in handles. */
  readonly name: string;
  /** The handlers, by the name of their command. */
  readonly handlers: ReadonlyMap<string, Handler>;
  /** How many commands of a name run at the same time. */
  concurrencyOf(kind: string): number;
  readonly bootId: string;
  readonly resultsFolder: string;
  /** How many bytes of a command's log lines are kept. */
  readonly maxLog: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What handlers of this process run, by attempt, whichever run of a node has started it. */
const running = new Map<string, HandlerExecution>();

/** Runs commands by handlers. */
export class HandlerExecutor implements Executor {
  onRoom?: () => void;
  readonly #options: HandlerExecutorOptions;
  /** How many places of a name are taken. Whoever is no longer waited for still has one. */
  readonly #taken = new Map<string, number>();
  #isStopped = false;

  /** Makes one. */
  constructor(options: HandlerExecutorOptions) {
    this.#options = options;
  }

  reserve({ kind }: Pick<Work, "id" | "kind">): Reservation | undefined {
    const { concurrencyOf } = this.#options;
    if (this.#isStopped || this.#takenOf(kind) >= concurrencyOf(kind)) return undefined;
    this.#taken.set(kind, this.#takenOf(kind) + 1);
    const { name, bootId } = this.#options;
    const handle: Handle = { executor: name, attempt: crypto.randomUUID(), bootId };
    return {
      handle,
      prepare: (folder) => folder.create(),
      start: (work) => this.#start(handle, work),
      release: () => this.#free(kind),
    };
  }

  recover(handle: Handle, folder: WorkloadFolder): Promise<Recovered> {
    return Promise.resolve(this.#find(handle, folder));
  }

  status(): ExecutorStatus {
    return { state: this.#isStopped ? "stopped" : "ready" };
  }

  /** Starts nothing any more. What runs goes on. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    return Promise.resolve();
  }

  #start(handle: Handle, work: Work): Execution {
    const problem = claim(handle, work);
    if (problem !== undefined) {
      this.#free(work.kind);
      return neverStarted(handle, problem);
    }
    const execution = new HandlerExecution({
      ...this.#options,
      handle,
      work,
      handler: this.#options.handlers.get(work.kind),
    });
    const { attempt } = handle;
    running.set(attempt, execution);
    execution.returned.then(() => {
      running.delete(attempt);
      this.#free(work.kind);
    });
    return execution;
  }

  #find(handle: Handle, folder: WorkloadFolder): Recovered {
    const execution = running.get(handle.attempt);
    if (execution !== undefined) {
      this.#take(execution);
      return { type: "running", execution };
    }
    const exit = readExit(folder, handle.attempt);
    if (exit !== undefined) return { type: "ended", exit };
    if (handle.bootId !== this.#options.bootId || handle.bootId === "") {
      return lost("the machine was restarted");
    }
    switch (claimForNode(folder, handle.attempt).by) {
      case "node":
        return { type: "not_started" };
      case "supervisor":
        return lost("the program that ran it no longer runs this node");
      case "nobody":
        return lost("its folder was removed");
    }
  }

  /** Counts the place of a command that an earlier executor of this process has started. */
  #take({ kind, returned }: HandlerExecution): void {
    this.#taken.set(kind, this.#takenOf(kind) + 1);
    returned.then(() => this.#free(kind));
  }

  #takenOf(kind: string): number {
    return this.#taken.get(kind) ?? 0;
  }

  #free(kind: string): void {
    this.#taken.set(kind, this.#takenOf(kind) - 1);
    this.onRoom?.();
  }
}

/** Writes the files of a command, and claims its attempt. Returns why that cannot be done. */
function claim({ attempt }: Handle, { folder, files }: Work): string | undefined {
  try {
    folder.create();
    for (const file of files) {
      // An earlier attempt that never began may have left it.
      fs.rmSync(`${folder.path}/${file.name}`, { force: true });
      folder.write(file);
    }
    fs.writeFileSync(claimPath(folder, attempt), "", { mode: 0o600, flag: "wx" });
  } catch (error) {
    return `its files could not be written: ${messageOf(error)}`;
  }
}

function neverStarted(handle: Handle, why: string): Execution {
  return {
    handle,
    started: new Promise(() => {}),
    ageMs: 0,
    exit: Promise.resolve({ type: "not_started", why }),
    stop() {},
    detach() {},
  };
}

function lost(why: string): Recovered {
  return { type: "ended", exit: { type: "lost", why } };
}
