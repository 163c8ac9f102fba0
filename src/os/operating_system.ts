/**
 * What differs between operating systems. The scripts are for a POSIX shell.
 *
 * @module
 */

/** A process as it was seen. */
export interface SeenProcess {
  readonly pid: number;
  /** The pid of its parent. */
  readonly parent: number;
  /** Its process group. */
  readonly group: number;
  /** Its session; 0 where it cannot be seen. */
  readonly session: number;
  /** When it started, in whatever form the operating system shows it. */
  readonly startTime: string;
  /** The CPU time of it, and of the children that it has waited for, where that can be seen. */
  readonly cpuSeconds?: number;
}

/** How processes are looked at. */
export interface ProcessScripts {
  /** Prints what identifies this boot, if anything does. */
  readonly bootId: string;
  /** Sets `stat` to what is known of the process `pid`, or fails when there is none. */
  readonly stat: string;
  /** Sets `cloud_node_stat` to the same for the shell that runs this. */
  readonly ownStat: string;
  /** Sets `age` to the seconds since the process `pid` started, whose `stat` is set. */
  readonly age: string;
  /** Prints what is known of all processes. */
  readonly all: string;
  /** Prints paths that hold the pids of processes with `$1` in their environment; "" where that cannot be seen. */
  readonly holding: string;
  /**
   * Prints paths that hold the pids of processes with an end of the pipes from which the processes
   * `$@` read; "" where that cannot be seen.
   */
  readonly pipeHolders: string;
  /** Prints the folders in which processes work, one on each line. */
  readonly workingFolders: string;
  /** Prints the soft limit of open files with which the parent of this shell was started. */
  readonly startedWithFiles: string;
  /** Prints the environment with which the parent of this shell was started, each variable before a NUL. */
  readonly startedWithEnvironment: string;
  /**
   * Prints the path of the file in which the kernel counts, as `oom_kill`, the processes that it
   * killed for lack of memory: those of the control group of this shell, or else those of the
   * machine; "" where it does not.
   */
  readonly oomKillCounter: string;
  /**
   * Prints paths that hold the pids of those of the processes `$2` and so on that have `$1` in their
   * environment, an empty line, and what they use; "" where that cannot be seen.
   */
  readonly usage: string;
  /**
   * Sets `cloud_node_io` to the bytes that this shell, and what it has waited for, have read from and
   * written to storage, with a space between them; leaves it as it is where that cannot be seen.
   */
  readonly ownIo: string;
  /** When a process started, from its `stat`; `undefined` for a zombie, which has ended. */
  parseStartTime(stat: string): string | undefined;
  /** What `all` printed, without zombies. */
  parseAll(text: string): SeenProcess[];
}

/** An operating system. */
export interface OperatingSystem {
  /** How processes are looked at. */
  readonly processes: ProcessScripts;
  /** The program that starts another one in a session of its own, where there is one. */
  readonly sessionProgram?: string;
  /** How many bytes a pipe takes whole or not at all: PIPE_BUF. */
  readonly pipeBuffer: number;
  /** The signals that end a node. */
  readonly endSignals: readonly Deno.Signal[];
  /** The signals that let it finish first. */
  readonly drainSignals: readonly Deno.Signal[];
  /** The environment variable that names the user's home folder. */
  readonly homeVariable: string;
  /** Whether a folder can be synced to the disk, which makes a rename in it survive a power cut. */
  readonly syncsFolders: boolean;
}
