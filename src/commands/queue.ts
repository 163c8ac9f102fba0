/**
 * What waits and what is in hand: a lane for each kind of workload, so that none of them waits
 * behind another kind.
 *
 * @module
 */
import type { Executor, Reservation, Unavailable } from "../executors/executor.ts";
import { WORKLOAD_KINDS } from "../protocol/kinds.ts";
import type { Command } from "./command.ts";

/** How many commands of each kind may run and wait. */
export interface QueueLimits {
  readonly concurrency: Readonly<Record<string, number>>;
  readonly maxQueued: Readonly<Record<string, number>>;
  /** The kinds of which only one has commands in hand at a time. */
  readonly exclusive: readonly string[];
}

/** The GPUs that commands are given. */
export interface Gpus {
  /** How many there are. */
  readonly size: number;
  /** How many of them a command may have now. */
  readonly available: number;
  /** How many a command of a kind gets; `undefined`: it is given none, and sees what is there. */
  needed(kind: string): number | undefined;
  /** Gives them to a command; `undefined`: so many are not free. */
  take(id: string, count: number): readonly string[] | undefined;
  /** Takes them back. */
  release(id: string): void;
  /** The variables by which a program sees these and no others. */
  environment(names: readonly string[]): Readonly<Record<string, string>>;
}

/** How full the lane of a kind is. */
export interface LaneState {
  /** How many commands run, or are about to. */
  readonly running: number;
  /** How many of them are being stopped, so that there will be room. */
  readonly leaving: number;
  /** How many may. */
  readonly concurrency: number;
  /** Whether a command that comes now has to wait for a kind that never runs together with it. */
  readonly isExcluded: boolean;
  /** Whether a command that comes now has to wait until GPUs are free. */
  readonly isShortOfGpus: boolean;
  /** How many wait. */
  readonly queued: number;
  /** How many may. */
  readonly maxQueued: number;
}

/** A command whose turn it is, and a place for it, or why nothing can run it. */
interface Turn {
  readonly command: Command;
  readonly place: Reservation | Unavailable;
  /** The GPUs that it was given; `undefined`: it sees what is there. */
  readonly gpus?: readonly string[];
}

class Lane {
  readonly inHand = new Set<string>();
  /** Those in hand that are being stopped because nobody wants them any more. */
  readonly leaving = new Set<string>();
  readonly waiting: Command[] = [];

  get isEmpty(): boolean {
    return this.inHand.size + this.waiting.length === 0;
  }
}

/** The commands that were accepted and have not ended. */
export class CommandQueue {
  readonly #limits: QueueLimits;
  readonly #executorOf: (kind: string) => Executor;
  readonly #gpus: Gpus | undefined;
  readonly #lanes = new Map<string, Lane>(WORKLOAD_KINDS.map((kind) => [kind, new Lane()]));
  #empty = Promise.withResolvers<void>();

  /** Makes an empty queue for these executors, and these GPUs if they are given to commands. */
  constructor(limits: QueueLimits, executorOf: (kind: string) => Executor, gpus?: Gpus) {
    this.#limits = limits;
    this.#executorOf = executorOf;
    this.#gpus = gpus;
    this.#empty.resolve();
  }

  /** Lets a command wait for its turn. */
  add(command: Command): void {
    this.#lane(command).waiting.push(command);
    this.#fill();
  }

  /** Lets a command wait before all others of its kind: it had its turn and could not use it. */
  putBack(command: Command): void {
    const lane = this.#lane(command);
    lane.inHand.delete(command.id);
    this.#gpus?.release(command.id);
    lane.waiting.unshift(command);
  }

  /** Takes back the GPUs of a command that an earlier node meant to start, and has not. */
  forgo(command: Command): void {
    this.#gpus?.release(command.id);
  }

  /** Adds a command that an earlier node has started. */
  resume(command: Command): void {
    this.#lane(command).inHand.add(command.id);
    this.#fill();
  }

  /**
   * The next command whose turn it is, which is then in hand; `undefined`: none can start now. What is
   * free of the GPUs is kept for the command that has waited longest for some, whatever its kind.
   */
  next(): Turn | undefined {
    let available = this.#gpus?.available ?? 0;
    for (const [kind, { waiting, inHand }] of this.#byAge()) {
      if (waiting.length === 0 || inHand.size >= this.#limits.concurrency[kind]) continue;
      if (this.#mustYield(waiting[0]) || this.#awaitsRoom(kind)) continue;
      const needed = this.#gpus?.needed(kind);
      const isPossible = needed === undefined || needed <= this.#gpus!.size;
      if (isPossible && (needed ?? 0) > available) {
        available = 0;
        continue;
      }
      const place = isPossible
        ? this.#executorOf(kind).reserve(waiting[0])
        : { problem: `It needs ${needed} GPUs, and this node has ${this.#gpus!.size}` };
      if (place === undefined) continue;
      const command = waiting.shift()!;
      inHand.add(command.id);
      if (needed === undefined || "problem" in place) return { command, place };
      return { command, place, gpus: this.#gpus!.take(command.id, needed) };
    }
    return undefined;
  }

  /** Tells each executor that makes room for a kind whether a command of that kind needs it now. */
  updateYielding(): void {
    for (const kind of this.#lanes.keys()) {
      const executor = this.#executorOf(kind);
      if (executor.yieldsTo === undefined) continue;
      executor.setYielding?.(this.#needsRoom(executor.yieldsTo));
    }
  }

  /** Takes a waiting command out of the queue to answer it. Returns whether it waited. */
  take(command: Command): boolean {
    const { waiting, inHand } = this.#lane(command);
    const index = waiting.findIndex(({ id }) => id === command.id);
    if (index === -1) return false;
    waiting.splice(index, 1);
    inHand.add(command.id);
    return true;
  }

  /** Counts a command that is being stopped as room for another one, which waits for its end. */
  expectEnd(command: Command): void {
    const { inHand, leaving } = this.#lane(command);
    if (inHand.has(command.id)) leaving.add(command.id);
  }

  /** Forgets a command, which has been answered or was never stored. */
  left(command: Command): void {
    this.take(command);
    const { inHand, leaving } = this.#lane(command);
    inHand.delete(command.id);
    leaving.delete(command.id);
    this.#gpus?.release(command.id);
    if (this.isEmpty) this.#empty.resolve();
  }

  /** How full the lane of a kind is. */
  lane(kind: string): LaneState {
    const { waiting, inHand, leaving } = this.#laneOf(kind);
    return {
      running: inHand.size,
      leaving: leaving.size,
      concurrency: this.#limits.concurrency[kind],
      isExcluded: this.#excludedBy(kind).some((lane) => !lane.isEmpty),
      isShortOfGpus: this.#isShortOfGpus(kind),
      queued: waiting.length,
      maxQueued: this.#limits.maxQueued[kind],
    };
  }

  /** Whether a command waits for its turn. */
  isWaiting(command: Command): boolean {
    return this.#lane(command).waiting.some(({ id }) => id === command.id);
  }

  /** Whether a command is in hand. One that could not be accepted is not, although it had its turn. */
  isInHand(command: Command): boolean {
    return this.#lane(command).inHand.has(command.id);
  }

  /** What waits, oldest first within each kind. */
  waiting(): Command[] {
    return [...this.#lanes.values()].flatMap(({ waiting }) => waiting);
  }

  /** Whether nothing waits and nothing is in hand. */
  get isEmpty(): boolean {
    return this.#lanes.values().every((lane) => lane.isEmpty);
  }

  /** Resolves when nothing waits and nothing is in hand. */
  async whenEmpty(): Promise<void> {
    while (!this.isEmpty) await this.#empty.promise;
  }

  /**
   * Whether a command has to wait for another kind: what of it is in hand, or came before the command,
   * so that no kind is kept waiting by a stream of another. Ids sort by time.
   */
  #mustYield(command: Command): boolean {
    return this.#excludedBy(command.kind).some(({ inHand, waiting: [first] }) =>
      inHand.size > 0 || (first !== undefined && first.id < command.id)
    );
  }

  /** Whether a command of a kind runs, or would if there were room. */
  #needsRoom(kind: string): boolean {
    const { inHand, waiting: [first] } = this.#laneOf(kind);
    return inHand.size > 0 || (first !== undefined && !this.#mustYield(first));
  }

  /** Whether something that makes room for a kind has not done so yet. */
  #awaitsRoom(kind: string): boolean {
    return this.#lanes.keys().some((other) => {
      const { yieldsTo, hasYielded } = this.#executorOf(other);
      return yieldsTo === kind && !hasYielded;
    });
  }

  /** The lanes, that of the command that has waited longest first, where it matters. */
  #byAge(): Iterable<[string, Lane]> {
    if (this.#gpus === undefined) return this.#lanes;
    const age = ({ waiting: [first] }: Lane) => first?.id ?? "";
    return [...this.#lanes].sort(([, a], [, b]) => age(a) < age(b) ? -1 : 1);
  }

  /** Whether a command that comes now finds too few GPUs, after those that came before it. */
  #isShortOfGpus(kind: string): boolean {
    const gpus = this.#gpus;
    const needed = gpus?.needed(kind) ?? 0;
    if (gpus === undefined || needed === 0) return false;
    let left = gpus.available;
    for (const [other, { waiting, leaving }] of this.#lanes) {
      left -= (waiting.length - leaving.size) * (gpus.needed(other) ?? 0);
    }
    return left < needed;
  }

  /** The lanes of the kinds that never run together with this one. */
  #excludedBy(kind: string): Lane[] {
    const { exclusive } = this.#limits;
    if (!exclusive.includes(kind)) return [];
    return exclusive.filter((other) => other !== kind).map((other) => this.#laneOf(other));
  }

  #fill(): void {
    this.#empty.resolve();
    this.#empty = Promise.withResolvers();
  }

  #lane({ kind }: Command): Lane {
    return this.#laneOf(kind);
  }

  /** The lane of a kind, also of one that nothing here runs any more. */
  #laneOf(kind: string): Lane {
    const lane = this.#lanes.get(kind) ?? new Lane();
    this.#lanes.set(kind, lane);
    return lane;
  }
}
