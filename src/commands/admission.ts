/**
 * Whether a command is accepted or refused. Pure.
 *
 * @module
 */
import { MIN_FREE_BYTES } from "../state/private_folder.ts";
import type { LaneState } from "./queue.ts";

/** What the decision depends on. */
export interface Situation extends LaneState {
  /**
   * Whether the command is refused if it would have to wait: the platform then runs it elsewhere.
   */
  readonly mustStart: boolean;
  /** Whether the node takes no new commands any more. */
  readonly draining: boolean;
  /** Whether it was sent to a pool, which a node leaves while it has no room. */
  readonly isPooled: boolean;
  /** How much disk space is left, in bytes. */
  readonly freeBytes: number;
}

/** Whether so many commands of a kind run and wait that no other is accepted. */
export function isFull(
  { running, leaving, concurrency, queued, maxQueued, mustStart }: LaneState & {
    readonly mustStart: boolean;
  },
): boolean {
  // Some commands wait only until the turn of the event loop in which they start.
  return running - leaving + queued >= concurrency + (mustStart ? 0 : maxQueued);
}

/** Why a command is refused that may be accepted later: a code for programs, and a sentence. */
export interface NotNow {
  readonly code: "draining" | "disk_full" | "queue_full";
  readonly why: string;
}

/** Why a command is refused now; `undefined`: it is accepted. */
export function reasonToRefuse(situation: Situation): NotNow | undefined {
  const { draining, isPooled, freeBytes } = situation;
  if (draining && !isPooled) {
    return { code: "draining", why: "The node is draining and takes no new commands" };
  }
  if (freeBytes < MIN_FREE_BYTES) {
    const left = Math.floor(freeBytes / 1024 / 1024);
    const why = `The node's disk is full (${left} MiB left): no new commands until there is space`;
    return { code: "disk_full", why };
  }
  if (isPooled || !isFull({ ...situation, concurrency: placesNow(situation) })) return undefined;
  return { code: "queue_full", why: whyFull(situation) };
}

/** How many may run now: no more while an exclusive kind runs or waits, or without GPUs. */
function placesNow(
  { running, leaving, concurrency, isExcluded, isShortOfGpus }: Omit<
    LaneState,
    "queued" | "maxQueued"
  >,
): number {
  if (isShortOfGpus) return Math.min(running - leaving, concurrency);
  return isExcluded ? running : concurrency;
}

function whyFull(
  { running, queued, concurrency, mustStart, isExcluded, isShortOfGpus }: Situation,
): string {
  if (mustStart && isExcluded) {
    return "Busy: a workload of another kind runs or waits, and exclusive allows one kind";
  }
  if (mustStart && isShortOfGpus) return "Busy: other workloads have the GPUs that it needs";
  if (mustStart) return `Busy: ${running} of ${concurrency} running, ${queued} queued`;
  return `The queue is full: ${running} of ${concurrency} running, ${queued} queued`;
}
