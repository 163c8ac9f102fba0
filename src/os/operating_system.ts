/**
 * What differs from one operating system to the next. The scripts are for a POSIX shell.
 *
 * @module
 */

/** How processes are looked at. */
export interface ProcessScripts {
  /** Prints what tells this boot from every other one, if anything does. */
  readonly bootId: string;
  /** Sets `stat` to what is known of the process `pid`, or fails when there is none. */
  readonly stat: string;
  /** Sets `cloud_node_pid` and `cloud_node_stat` for the shell, or subshell, that runs this. */
  readonly ownStat: string;
  /**
   * Body of a function: succeeds when the group `cloud_node_pid` holds anything but its leader, what
   * that started for this question, and zombies.
   */
  readonly groupLives: string;
  /** Prints the folders in which processes work, one on each line. */
  readonly workingFolders: string;
  /** When a process started, from its `stat`; `undefined` for a zombie, which has ended. */
  parseStartTime(stat: string): string | undefined;
}

/** An operating system. */
export interface OperatingSystem {
  /** How processes are looked at. */
  readonly processes: ProcessScripts;
  /** The signals that end a node. */
  readonly endSignals: readonly Deno.Signal[];
  /** The signals that let it finish first. */
  readonly drainSignals: readonly Deno.Signal[];
  /** The environment variable that names the user's home folder. */
  readonly homeVariable: string;
  /** Whether a folder can be synced to the disk, which makes a rename in it survive a power cut. */
  readonly syncsFolders: boolean;
}
