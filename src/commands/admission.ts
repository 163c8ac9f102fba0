/**
 * Whether a command is accepted or turned away.
 *
 * @module
 */
import { MIN_FREE_BYTES } from "../state/private_folder.ts";

/** What the decision depends on. */
export interface Situation {
  /** How many workloads of the command's kind run. */
  readonly running: number;
  /** How many of them may run at a time. */
  readonly concurrency: number;
  /** How many commands of its kind wait. */
  readonly queued: number;
  /** How many of them may wait. */
  readonly maxQueued: number;
  /** Whether the platform follows the work: then it dispatches it elsewhere rather than wait. */
  readonly tracked: boolean;
  /** Whether the node takes nothing new any more. */
  readonly closing: boolean;
  /** How much disk space is left, in bytes. */
  readonly freeBytes: number;
}

/** The decision. */
export type Admission =
  /** It runs as soon as it is its turn, which may be now. */
  | { readonly action: "accept" }
  | { readonly action: "refuse"; readonly reason: string };

/** Decides it. */
export function admit(situation: Situation): Admission {
  const { running, concurrency, queued, maxQueued, tracked, closing, freeBytes } = situation;
  if (closing) return refuse("The node is stopping and takes no new commands");
  if (freeBytes < MIN_FREE_BYTES) {
    const left = Math.floor(freeBytes / 1024 / 1024);
    return refuse(
      `The node's disk is full (${left} MiB left): no new commands until there is space`,
    );
  }
  // Some of those that wait do so only until a shell is ready for them.
  if (running + queued < concurrency + (tracked ? 0 : maxQueued)) {
    return { action: "accept" };
  }
  if (tracked) return refuse(`Busy: ${running} of ${concurrency} running, ${queued} queued`);
  return refuse(`The queue is full: ${queued} commands wait already`);
}

function refuse(reason: string): Admission {
  return { action: "refuse", reason };
}
