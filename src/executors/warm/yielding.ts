/**
 * What an executor is that makes room for other commands.
 *
 * @module
 */
import type { ExecutorStatus } from "../executor.ts";

/** The status of an executor that makes room for commands of a kind. */
export function yieldingTo(kind: string): ExecutorStatus {
  return { state: "yielding", reason: `a ${kind} command runs or waits` };
}
