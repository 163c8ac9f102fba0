/**
 * The kinds of work a node does.
 *
 * @module
 */

/** The commands that run a configured template. */
export const WORKLOAD_KINDS = ["inference", "training", "simulate"] as const;

/** A command that runs a configured template. */
export type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

/** Whether `command` runs a configured template. */
export function isWorkloadKind(command: string): command is WorkloadKind {
  return (WORKLOAD_KINDS as readonly string[]).includes(command);
}
