/**
 * Which process is meant, and what may be sent to it.
 *
 * @module
 */

/** A process, distinct from every other one that ever had its pid. */
export interface ProcessIdentity {
  /** The process id, which is also its process group's. */
  readonly pid: number;
  /** When it started, in whatever form the operating system shows it. */
  readonly startTime: string;
  /** The boot during which it started. */
  readonly bootId: string;
}

/**
 * A signal a workload may be stopped with.
 *
 * @example
 * ```ts
 * import type { StopSignal } from "@cyberwave/cloud-node";
 *
 * const gentle: StopSignal = "SIGINT";
 * console.log(gentle);
 * ```
 */
export type StopSignal = "SIGTERM" | "SIGINT" | "SIGKILL";

/** The signals a workload may be stopped with. */
export const STOP_SIGNALS: readonly StopSignal[] = ["SIGTERM", "SIGINT", "SIGKILL"];
