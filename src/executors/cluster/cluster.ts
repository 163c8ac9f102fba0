/**
 * The interface to a cluster: how a job is made, observed and stopped.
 *
 * @module
 */
import type { StopSignal } from "../../os/process_identity.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import type { Exit, Work } from "../executor.ts";

/** The job of one attempt to run a command. */
export interface Job {
  /** Identifies the attempt, and with it the job, among all others. */
  readonly attempt: string;
  /** The workload's folder, whose name is the command's id. */
  readonly folder: WorkloadFolder;
}

/** The state of a job. */
export type JobStatus =
  /** It waits for its turn. */
  | { readonly type: "waiting"; readonly reason?: string }
  | { readonly type: "running"; readonly ageMs: number }
  | { readonly type: "ended"; readonly exit: Exit }
  /** The cluster has no such job; it certainly never began, and never will. */
  | { readonly type: "absent" };

/** Whether a job was made: its name in the cluster, or why it never will be. */
export type Submission = { readonly name: string } | { readonly problem: string };

/** A cluster that runs jobs. Whatever it throws means that nothing is known now: ask again. */
export interface Cluster {
  /** What messages call it. */
  readonly title: string;
  /** How often to look at a job, in milliseconds. */
  readonly lookMs: number;
  /**
   * Makes the job of a command. `isRepeat`: an earlier try may have made it. Throws when it is not
   * known whether it is made.
   */
  submit(job: Job, work: Work, isRepeat: boolean): Promise<Submission>;
  /**
   * Looks at a job. One that is stopped and did not begin never will after this. Throws when nothing
   * is known now.
   */
  look(job: Job, stopped: StopSignal | undefined): Promise<JobStatus>;
  /** Sends a signal to all of a job; one that waits is removed. Throws when that has to be repeated. */
  stop(job: Job, signal: StopSignal): Promise<void>;
  /** Its end is stored: what is kept for it may be removed. */
  stored?(job: Job): void;
  /** Interrupts its calls. */
  close(): void;
}
