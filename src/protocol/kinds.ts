/**
 * The kinds of work a node does.
 *
 * @module
 */

/**
 * A command that runs a configured template.
 *
 * @example
 * ```ts
 * import type { WorkloadKind } from "@cyberwave/cloud-node";
 *
 * const templates: Partial<Record<WorkloadKind, string>> = { training: "python train.py {body}" };
 * console.log(Object.keys(templates)); // ["training"], part of a CloudNodeConfig
 * ```
 */
export type WorkloadKind = "inference" | "training" | "simulate";

/** The commands that run a configured template. */
export const WORKLOAD_KINDS: readonly WorkloadKind[] = ["inference", "training", "simulate"];

/** Whether `command` runs a configured template. */
export function isWorkloadKind(command: string): command is WorkloadKind {
  return (WORKLOAD_KINDS as readonly string[]).includes(command);
}

/** Names of commands that a node answers by itself. */
const RESERVED: readonly string[] = ["status", "cancel", "workload_received"];

/** Whether commands may have this name, beside those that a node answers by itself. */
export function isKindName(name: string): boolean {
  return /^[a-z][\w.-]{0,63}$/i.test(name) && !RESERVED.includes(name);
}
