/** An executor whose commands start and end when a test says so. */
import type {
  Execution,
  Executor,
  ExecutorStatus,
  Exit,
  Handle,
  Recovered,
  Reservation,
  Unavailable,
  Work,
} from "../../src/executors/executor.ts";
import type { Progress } from "../../src/protocol/progress.ts";
import { Inbox } from "./events.ts";

/** Processes of the kernel, which no test hits. */
const FIRST_PID = 2 ** 22 + 1;

/** A command that runs as long as a test wants. */
export class ScriptedExecution implements Execution {
  readonly #started = Promise.withResolvers<Handle>();
  readonly #exit = Promise.withResolvers<Exit>();
  readonly started: Promise<Handle> = this.#started.promise;
  readonly exit: Promise<Exit> = this.#exit.promise;
  /** The signals it was sent. */
  readonly signals = new Inbox<string>();
  onProgress?: (progress: Progress) => void;
  isDetached = false;

  constructor(
    readonly handle: Handle,
    readonly pid: number,
    readonly work: Work | undefined,
    public ageMs = 0,
  ) {}

  sharedPid?: number;
  pids?: readonly number[];

  /** It runs from now on. */
  begin(): void {
    const { pid, handle } = this;
    this.#started.resolve({ ...handle, process: { pid, startTime: "1", bootId: handle.bootId } });
  }

  /** It breaks the rule that `started` never rejects. */
  breakStart(error: Error): void {
    this.#started.reject(error);
  }

  /** It has ended, after it printed that. */
  end(exit: Exit = { type: "exited", code: 0 }, stdout = "", stderr = ""): void {
    const { folder } = this.work ?? {};
    if (folder !== undefined) {
      Deno.mkdirSync(folder.path, { recursive: true });
      Deno.writeTextFileSync(folder.outputFile("stdout"), stdout);
      Deno.writeTextFileSync(folder.outputFile("stderr"), stderr);
    }
    this.#exit.resolve(exit);
  }

  /** It has ended, and printed nothing into files. */
  finish(exit: Exit): void {
    this.#exit.resolve(exit);
  }

  stop(signal: string): void {
    this.signals.push(signal);
  }

  detach(): void {
    this.isDetached = true;
  }
}

/** Runs nothing but scripts of tests. */
export class ScriptedExecutor implements Executor {
  onRoom?: () => void;
  /** How many commands there is room for. */
  room = Infinity;
  /** Why nothing can run a command. */
  problem: string | undefined;
  /** What is found of an attempt of an earlier node. */
  recovered: (handle: Handle) => Promise<Recovered> = () =>
    Promise.resolve({ type: "ended", exit: { type: "lost", why: "the test forgot it" } });
  /** The commands that were started. */
  readonly executions = new Inbox<ScriptedExecution>();
  /** Whether what is started runs at once. */
  begins = true;
  /** The places that are taken and not used. */
  reserved = 0;
  #attempts = 0;

  /** Its handles were made in this boot. */
  constructor(readonly bootId: string = "boot-1") {}

  reserve(): Reservation | Unavailable | undefined {
    if (this.problem !== undefined) return { problem: this.problem };
    if (this.room === 0) return undefined;
    this.room--;
    this.reserved++;
    const handle: Handle = {
      executor: "process",
      attempt: `attempt-${++this.#attempts}`,
      bootId: this.bootId,
    };
    return {
      handle,
      prepare: (folder) => folder.create(),
      start: (work) => {
        this.reserved--;
        const execution = new ScriptedExecution(handle, FIRST_PID + this.#attempts, work);
        if (this.begins) execution.begin();
        execution.exit.then(() => this.#makeRoom());
        this.executions.push(execution);
        return execution;
      },
      release: () => {
        this.reserved--;
        this.#makeRoom();
      },
    };
  }

  recover(handle: Handle): Promise<Recovered> {
    return this.recovered(handle);
  }

  status(): ExecutorStatus {
    return { state: "ready" };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #makeRoom(): void {
    this.room++;
    this.onRoom?.();
  }
}

/** One that makes room for trainings, and has done so when a test says it. */
export class YieldingExecutor extends ScriptedExecutor {
  readonly yieldsTo = "training";
  hasYielded = false;
  /** What it was asked. */
  readonly asked: boolean[] = [];

  setYielding(isYielding: boolean): void {
    if (isYielding === this.asked.at(-1)) return;
    this.asked.push(isYielding);
    this.hasYielded = false;
  }

  /** Nothing of it is loaded any more. */
  unloaded(): void {
    this.hasYielded = true;
    this.onRoom?.();
  }

  override reserve() {
    return this.asked.at(-1) === false ? super.reserve() : undefined;
  }
}
