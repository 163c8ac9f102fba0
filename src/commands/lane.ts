/**
 * One lane for each kind of workload: what runs in it, and what waits, in order.
 *
 * @module
 */
import type { WorkloadKind } from "../protocol/kinds.ts";
import type { Accepted, RunningWorkload } from "../workload/running.ts";

/** What runs and what waits of one kind of workload. */
export class Lane {
  /** What runs, by the command's id. */
  readonly running: Map<string, RunningWorkload> = new Map();
  /** What waits, oldest first. */
  readonly queue: Accepted[] = [];

  /** Makes an empty lane. */
  constructor(
    readonly kind: WorkloadKind,
    readonly concurrency: number,
    readonly maxQueued: number,
  ) {}

  /** Whether the first in the queue may start. */
  get mayStart(): boolean {
    return this.queue.length > 0 && this.running.size < this.concurrency;
  }

  /** Whether nothing runs and nothing waits. */
  get isIdle(): boolean {
    return this.queue.length === 0 && this.running.size === 0;
  }

  /** The command that waits under this request id. */
  waiting(requestId: string): Accepted | undefined {
    return this.queue.find((command) => command.requestId === requestId);
  }

  /** Forgets a command, which has been answered. */
  remove(id: string): void {
    this.running.delete(id);
    const index = this.queue.findIndex((command) => command.id === id);
    if (index !== -1) this.queue.splice(index, 1);
  }
}
