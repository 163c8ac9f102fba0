/**
 * What runs commands, whatever it is: a process for each, a model that stays loaded, a cluster.
 *
 * @module
 */
import type { ProcessIdentity, StopSignal } from "../os/process_identity.ts";
import type { Progress } from "../protocol/progress.ts";
import type { Resources } from "../protocol/resources.ts";
import type { SmallOutput, WorkloadFile, WorkloadFolder } from "../workloads/folder.ts";

/** The name, in handles, of the executor that runs each command as a process of its own. */
export const PROCESS_EXECUTOR = "process";

/**
 * Names one attempt to run a command. It is in the journal before the attempt starts, so that a
 * node that crashes finds what it started.
 */
export interface Handle {
  /** Which executor made it. */
  readonly executor: string;
  /** Identifies this attempt among all others, also of the same command. */
  readonly attempt: string;
  /** The boot during which it was made; `""` when it is unknown. */
  readonly bootId: string;
  /** The process that runs the command, once it is known. */
  readonly process?: ProcessIdentity;
  /** Whether it is stored that it runs, where nothing else of the handle says so. */
  readonly begun?: true;
}

/** A command, as far as an executor has to know it. */
export interface Work {
  /** The node's own id for it. */
  readonly id: string;
  /** Its name: `inference`, `training`, ... */
  readonly kind: string;
  /** The sender's id for it; `undefined`: it came without one. */
  readonly requestId?: string;
  /** Its params, as JSON. */
  readonly params: string;
  /** What goes into its folder beside that. */
  readonly files: readonly WorkloadFile[];
  /** Variables for this command alone, over those that all commands get. May hold a token. */
  readonly env: Readonly<Record<string, string>>;
  /** Where its files belong. It may not exist yet. */
  readonly folder: WorkloadFolder;
}

/** How an attempt ended, as far as is known. */
export type Exit =
  | {
    readonly type: "exited";
    readonly code: number;
    readonly survivors?: readonly number[];
    /** Whether SIGKILL ended it and the kernel killed a process for lack of memory meanwhile. */
    readonly oomKill?: true;
  }
  | {
    readonly type: "killed";
    readonly signal: string;
    readonly survivors?: readonly number[];
    /** What the reply to a command that was stopped says beside that. */
    readonly note?: string;
  }
  /** It ran, and says itself why it failed. */
  | { readonly type: "failed"; readonly error: string; readonly output?: SmallOutput }
  /** It gave an answer, which is its output: a success, also when it was asked to stop before. */
  | { readonly type: "answered"; readonly output: SmallOutput }
  /** It never ran. `mayRunLater`: what was to run it has ended, and what comes in its place may run it. */
  | { readonly type: "not_started"; readonly why: string; readonly mayRunLater?: true }
  /** Its end is unknown. It may have run. */
  | { readonly type: "lost"; readonly why: string };

/** What an executor finds of an attempt that an earlier node made. */
export type Recovered =
  | { readonly type: "running"; readonly execution: Execution }
  | {
    readonly type: "ended";
    readonly exit: Exit;
    /** What it has used, as far as that is known. */
    readonly resources?: Resources;
  }
  /** It certainly never began, and never will: the command may be started again. */
  | { readonly type: "not_started" };

/** What an executor is doing. */
export type ExecutorState =
  | "starting"
  | "ready"
  | "busy"
  | "unhealthy"
  | "yielding"
  | "restarting"
  | "failed"
  | "stopped";

/** What an executor is doing, and why when that is not what it is there for. */
export interface ExecutorStatus {
  readonly state: ExecutorState;
  readonly reason?: string;
}

/** Runs commands. */
export interface Executor extends AsyncDisposable {
  /**
   * A place for a command now; `undefined`: there is none, and `onRoom` is called when there is. A
   * problem is the answer to the command: nothing can run it.
   */
  reserve(command: Pick<Work, "id" | "kind">): Reservation | Unavailable | undefined;
  /** Called when there is room again. */
  onRoom?: () => void;
  /** Finds out what happened to an attempt of an earlier node. */
  recover(handle: Handle, folder: WorkloadFolder): Promise<Recovered>;
  /** What it is doing. */
  status(): ExecutorStatus;
  /** Ends its workers or its server, if it has any. No command is run any more. */
  unload?(): Promise<void>;
  /** The kind of command that it makes room for; `undefined`: it keeps what it has loaded. */
  readonly yieldsTo?: string;
  /**
   * Says whether it has to make room now. While it does, it takes no command, and ends its workers or
   * its server once they run none. One that makes room for a kind loads nothing before the first call.
   */
  setYielding?(isYielding: boolean): void;
  /** Whether it makes room and nothing of it is loaded. `onRoom` is called when that becomes true. */
  readonly hasYielded?: boolean;
  /** Called when that changes. */
  onStatus?: (status: ExecutorStatus) => void;
}

/** Why nothing can run a command. */
export interface Unavailable {
  readonly problem: string;
}

/** A place for one command. */
export interface Reservation {
  /** Names the attempt that `start()` makes. */
  readonly handle: Handle;
  /**
   * Makes what has to be there before it is stored that the attempt starts, so that it is missed if
   * somebody removes it. Throws.
   */
  prepare?(folder: WorkloadFolder): void;
  /** Starts the command. Never throws: what goes wrong is in the execution's `exit`. */
  start(work: Work): Execution;
  /** Gives the place back unused. */
  release(): void;
}

/** A command that runs. */
export interface Execution {
  /** Names the attempt, without what `started` adds. */
  readonly handle: Handle;
  /** The process that `cancel` may name, as soon as there is one. */
  readonly pid?: number;
  /** The process that has it in hand together with others, so that `cancel` may not name it. */
  readonly sharedPid?: number;
  /** Whether its outcome is lost with this node. Default: a later node finds it. */
  readonly endsWithNode?: boolean;
  /** Its processes, as they were seen a few seconds ago. Default: they are not looked at. */
  readonly pids?: readonly number[];
  /** What it has used so far, and once it has ended in all, as far as that is known. */
  readonly resources?: Resources;
  /** What it printed so far that is in no file. Default: all of it is in its folder. */
  readonly output?: SmallOutput;
  /**
   * Resolves when it runs, with the handle by which a later node finds it again. Stays pending when
   * it never does.
   */
  readonly started: Promise<Handle>;
  /** Whether it was started before this node and may not run yet. Default: it runs. */
  readonly startsLater?: boolean;
  /** Resolves when its time limit begins to count. Default: it does from the start. */
  readonly begun?: Promise<unknown>;
  /** How long it has run already, in milliseconds, by a clock that nobody sets. */
  readonly ageMs: number;
  /** Called each time it says how far it is; who follows it sets this. */
  onProgress?: (progress: Progress) => void;
  /** Resolves when it has ended, and, if it was asked to stop, nothing of it is left. Never rejects. */
  readonly exit: Promise<Exit>;
  /** Sends a signal to all of it. */
  stop(signal: StopSignal): void;
  /** Its end is stored: no later node will ask for it, and what is kept for that may go. */
  stored?(): void;
  /** Stops watching it: it goes on without the node, and `exit` stays pending. */
  detach(): void;
}
