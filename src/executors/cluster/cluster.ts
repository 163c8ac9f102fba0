/**
 * What executors of clusters have to know of one: how a job is made, looked at and stopped.
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

/** What is known of a job. */
export type JobStatus =
  /** It waits for its turn. */
  | { readonly type: "waiting"; readonly reason?: string }
  | { readonly type: "running"; readonly ageMs: number }
  | { readonly type: "ended"; readonly exit: Exit }
  /** The cluster has no such job; it certainly never began, and never will. */
  | { readonly type: "absent" };

/** Whether a job was made: its name there, or why it never will be. */
export type Submission = { readonly name: string } | { readonly problem: string };

/** A cluster that runs jobs. Whatever it throws means that nothing is known now: ask again. */
export interface Cluster {
  /** What messages call it. */
  readonly title: string;
  /** How often a look is worth it, in milliseconds. */
  readonly lookMs: number;
  /**
   * Makes the job of a command. `isRepeat`: it was tried before, and is not known whether that has
   * made it. Throws when it is not known whether it is made.
   */
  submit(job: Job, work: Work, isRepeat: boolean): Promise<Submission>;
  /**
   * Looks at a job. One that is stopped and did not begin never will after this. Throws when nothing
   * is known now.
   */
  look(job: Job, stopped: StopSignal | undefined): Promise<JobStatus>;
  /** Sends a signal to all of a job; one that waits is removed. Throws when that has to be repeated. */
  stop(job: Job, signal: StopSignal): Promise<void>;
  /** Its end is stored: what is kept for it may go. */
  stored?(job: Job): void;
  /** Ends what it is being asked. */
  close(): void;
}
