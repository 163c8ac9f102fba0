/**
 * One lane for each kind of workload, so that none of them waits behind another kind.
 *
 * @module
 */
import { WORKLOAD_KINDS, type WorkloadKind } from "../protocol/kinds.ts";
import type { Accepted, RunningWorkload } from "../executors/process/running.ts";
import type { StopTarget } from "./cancel.ts";

/** What runs and what waits of one kind of workload. */
export class Lane {
  /** What runs, by the command's id. */
  readonly running: Map<string, RunningWorkload> = new Map();
  /** What waits, oldest first. */
  readonly queue: Accepted[] = [];

  /** Makes an empty lane. */
  constructor(readonly concurrency: number, readonly maxQueued: number) {}

  /** Whether the first in the queue may start. */
  get mayStart(): boolean {
    return this.queue.length > 0 && this.running.size < this.concurrency;
  }

  /** What may start when the commands with these ids have left, in order. */
  nextWithout(leaving: ReadonlySet<string>): Accepted[] {
    const running = this.running.keys().filter((id) => !leaving.has(id)).toArray().length;
    const room = Math.max(0, this.concurrency - running);
    return this.queue.values().filter(({ id }) => !leaving.has(id)).take(room).toArray();
  }

  /** Takes a command out of the queue, if it is there. */
  leaveQueue({ id }: Accepted): void {
    const index = this.queue.findIndex((command) => command.id === id);
    if (index !== -1) this.queue.splice(index, 1);
  }

  /** How many may start that come now: none while others wait. */
  get room(): number {
    return this.queue.length === 0 ? Math.max(0, this.concurrency - this.running.size) : 0;
  }
}

/** What runs and what waits. */
export class Lanes {
  readonly #lanes: Readonly<Record<WorkloadKind, Lane>>;
  #waitingForIdle: (() => void)[] = [];

  /** Makes empty lanes. */
  constructor(
    concurrency: Readonly<Record<WorkloadKind, number>>,
    maxQueued: Readonly<Record<WorkloadKind, number>>,
  ) {
    const lane = (kind: WorkloadKind) => new Lane(concurrency[kind], maxQueued[kind]);
    this.#lanes = {
      inference: lane("inference"),
      training: lane("training"),
      simulate: lane("simulate"),
    };
  }

  /** The lane of a kind. */
  of(kind: WorkloadKind): Lane {
    return this.#lanes[kind];
  }

  /** All lanes. */
  all(): Lane[] {
    return WORKLOAD_KINDS.map((kind) => this.#lanes[kind]);
  }

  /** What runs. */
  running(): RunningWorkload[] {
    return this.all().flatMap((lane) => [...lane.running.values()]);
  }

  /** What waits. */
  queued(): Accepted[] {
    return this.all().flatMap((lane) => lane.queue);
  }

  /** All that was accepted and has not ended. */
  unfinished(): Accepted[] {
    return [...this.running().map(({ command }) => command), ...this.queued()];
  }

  /** What runs and is meant by `target`. */
  findRunning(target: StopTarget): RunningWorkload | undefined {
    return this.running().find(({ process, command }) =>
      "pid" in target ? process.pid === target.pid : isMeant(command, target)
    );
  }

  /** What waits and is meant by `target`. */
  findQueued(target: StopTarget): Accepted | undefined {
    return this.queued().find((command) => !("pid" in target) && isMeant(command, target));
  }

  /** Forgets a command, which has been answered. */
  remove(command: Accepted): void {
    const lane = this.#lanes[command.kind];
    if (!lane.running.delete(command.id)) lane.leaveQueue(command);
    if (this.isIdle) { for (const resolve of this.#waitingForIdle.splice(0)) resolve(); }
  }

  /** Whether nothing runs and nothing waits. */
  get isIdle(): boolean {
    return this.all().every(({ running, queue }) => running.size + queue.length === 0);
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    while (!this.isIdle) {
      await new Promise<void>((resolve) => this.#waitingForIdle.push(resolve));
    }
  }
}

function isMeant(
  { id, requestId }: Accepted,
  target: Exclude<StopTarget, { readonly pid: number }>,
): boolean {
  return "id" in target ? id === target.id : requestId === target.requestId;
}
