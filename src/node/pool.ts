/**
 * A node's membership in a pool: it takes the pool's commands while it has room, and leaves the
 * pool while it has none, so that the broker gives them to another node.
 *
 * @module
 */
import type { LaneState } from "../commands/queue.ts";
import { BrokerError, messageOf, quoted } from "../errors.ts";
import type { ExecutorStatus } from "../executors/executor.ts";
import type { Logger } from "../log.ts";
import type { Inbound, MqttConnection, MqttConnectionOptions } from "../mqtt/connection.ts";
import { type Clock, within } from "../time.ts";
import type { NodeEvents } from "./events.ts";

/** How full a lane is, and the state of its executor. */
type Lane =
  & Pick<LaneState, "running" | "leaving" | "queued" | "concurrency">
  & Partial<Pick<LaneState, "isShortOfGpus">>
  & ExecutorStatus;

/** Whether a command of any kind could start, or would be among the first `prefetch` that wait. Pure. */
export function hasRoom(lanes: readonly Lane[], prefetch: number): boolean {
  // The broker does not know kinds: the next command may be of any kind.
  return lanes.length > 0 &&
    lanes.every(({ running, leaving, queued, concurrency, isShortOfGpus, state }) =>
      (state === "ready" || state === "busy") &&
      running - leaving + queued <
        (isShortOfGpus ? Math.min(running - leaving, concurrency) : concurrency) + prefetch
    );
}

/** What a member works with. */
interface PoolMemberOptions {
  /** The pool. */
  readonly name: string;
  /** The topic filter that its members subscribe to. */
  readonly topic: string;
  readonly events: Pick<NodeEvents, "on">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes the connection for the pool alone, so that its messages never wait before the node's own. */
  connect(
    receiver: Pick<MqttConnectionOptions, "onMessage" | "onConnected" | "onRefusedTopic">,
  ): MqttConnection;
  /** Takes a command. Resolves when it is on disk. */
  receive(message: Inbound): Promise<void>;
  /** Whether the node has room for a command now. */
  hasRoom(): boolean;
}

/** A member of a pool. */
export class PoolMember {
  readonly #options: PoolMemberOptions;
  readonly #connection: MqttConnection;
  readonly #left = new AbortController();
  #isMember: boolean;
  #isLeaving = false;
  #isRunning = false;
  #received = 0;
  /** Why the broker refuses the subscription. */
  #refusal: string | undefined;
  #changed: Promise<unknown> = Promise.resolve();

  /** Makes a member; `run()` connects it. */
  constructor(options: PoolMemberOptions) {
    this.#options = options;
    this.#connection = options.connect({
      onMessage: (message) => {
        this.#received++;
        return options.receive(message);
      },
      onConnected: () => {
        const { name, topic, logger } = options;
        if (this.#refusal === undefined) {
          logger.info(`Joined the pool ${quoted(name)}, through ${quoted(topic)}`);
        }
      },
      onRefusedTopic: ({ why }) => this.#refused(why),
    });
    this.#isMember = options.hasRoom();
    this.#setTopics();
  }

  /** The pool. */
  get name(): string {
    return this.#options.name;
  }

  /** Whether it gets commands of the pool now. */
  get isMember(): boolean {
    return this.#isMember && this.#refusal === undefined;
  }

  /** Takes part until `signal` aborts or it has left. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { events } = this.#options;
    const update = () => this.update();
    const removers = (["accepted", "ended", "executor", "heartbeat", "draining"] as const)
      .map((name) => events.on(name, update));
    update();
    this.#isRunning = true;
    try {
      await this.#connection.run(AbortSignal.any([signal, this.#left.signal]));
    } finally {
      for (const remove of removers) remove();
    }
  }

  /**
   * Leaves the pool for good: unsubscribes, takes what the broker had given to this node before, and
   * disconnects. Where `signal` aborts first, or there is no connection for `patienceMs`, the rest
   * waits at the broker. Never rejects.
   */
  async leave(signal: AbortSignal, patienceMs: number): Promise<void> {
    const { name, logger } = this.#options;
    this.#isLeaving = true;
    this.#isMember = false;
    if (!this.#isRunning || this.#left.signal.aborted) return this.#left.abort();
    try {
      await this.#changed;
      while (!await this.#takeRest(signal, patienceMs)) signal.throwIfAborted();
      await this.#connection.stopReceiving();
      if (this.#refusal === undefined) logger.info(`Left the pool ${quoted(name)}`);
    } catch (error) {
      // Another caller has waited for that as well.
      if (this.#left.signal.aborted) return;
      logger.warn(
        `Could not leave the pool ${quoted(name)}: ${
          messageOf(error)
        }. What the broker has given ` +
          "to this node waits there for an hour, for its next start",
      );
    } finally {
      this.#left.abort();
    }
  }

  /**
   * Whether the broker has confirmed that this node is no member, and has no more messages for it.
   */
  async #takeRest(signal: AbortSignal, patienceMs: number): Promise<boolean> {
    const { clock } = this.#options;
    await within(patienceMs, clock, async (tooLate) => {
      const either = AbortSignal.any([signal, tooLate]);
      await this.#connection.whenConnected(either).catch(() => {});
    });
    if (!this.#connection.connected) throw new BrokerError("there is no connection to the broker");
    const before = this.#received;
    // The broker answers in order: its messages for this node have come before that.
    return await this.#setTopics() && this.#received === before;
  }

  /** Leaves the pool while there is no room, and comes back when there is. */
  update(): void {
    const { name, logger, hasRoom } = this.#options;
    const isMember = hasRoom();
    if (this.#isLeaving || isMember === this.#isMember) return;
    this.#isMember = isMember;
    logger.debug(
      isMember
        ? `Taking commands of the pool ${quoted(name)} again`
        : `No room for commands of the pool ${quoted(name)}: left to its other nodes`,
    );
    this.#changed = this.#setTopics();
  }

  /**
   * The broker refused the subscription. That is logged once; it is tried again each time there is
   * room.
   */
  #refused(why: string): void {
    const { name, topic, logger } = this.#options;
    if (this.#refusal === why) return;
    this.#refusal = why;
    logger.error(
      `Not in the pool ${quoted(name)}: the broker refused the subscription to ${quoted(topic)}: ` +
        `${why} (check that it has shared subscriptions, and that this node's user may subscribe)`,
    );
  }

  #setTopics(): Promise<boolean> {
    const topics = [this.#options.topic];
    return this.#isMember
      ? this.#connection.setTopics(topics)
      : this.#connection.setTopics([], topics);
  }
}
