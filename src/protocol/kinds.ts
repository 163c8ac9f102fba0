/**
 * The kinds of work a node does.
 *
 * @module
 */

/** A command that runs a configured template. */
export type WorkloadKind = "inference" | "training" | "simulate";

/** The commands that run a configured template. */
export const WORKLOAD_KINDS: readonly WorkloadKind[] = ["inference", "training", "simulate"];

/** Whether `command` runs a configured template. */
export function isWorkloadKind(command: string): command is WorkloadKind {
  return (WORKLOAD_KINDS as readonly string[]).includes(command);
}
