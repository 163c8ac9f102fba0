/**
 * Whether the node takes commands, and why not. Pure.
 *
 * @module
 */
import type { NodeEvents } from "../node/events.ts";
import type { NodeSnapshot } from "../node/snapshot.ts";
import type { Clock } from "../time.ts";

/** Why a node takes no commands. */
type UnreadyReason =
  | "not_registered"
  | "mqtt_disconnected"
  | "disk_full"
  | "draining"
  | "stopping";

/**
 * Why a node takes no commands; empty: it takes them. The states of workers and servers do not
 * matter.
 */
export function unreadyReasons(
  { identity, connection, isDiskFull, isDraining, isStopping }: NodeSnapshot,
): UnreadyReason[] {
  const reasons: UnreadyReason[] = [];
  if (identity === undefined) reasons.push("not_registered");
  if (!connection.isConnected) reasons.push("mqtt_disconnected");
  if (isDiskFull) reasons.push("disk_full");
  if (isDraining) reasons.push("draining");
  if (isStopping) reasons.push("stopping");
  return reasons;
}

/** Whose readiness is followed. */
interface ReadinessSource {
  readonly events: Pick<NodeEvents, "on">;
  snapshot(): NodeSnapshot;
}

/** Records when the readiness of the node last changed. */
export class ReadinessTimer implements Disposable {
  readonly #source: ReadinessSource;
  readonly #clock: Pick<Clock, "now">;
  readonly #listeners: readonly (() => void)[];
  #reasons: string;
  #since: number;

  /** Starts to follow it. */
  constructor(source: ReadinessSource, clock: Pick<Clock, "now">) {
    this.#source = source;
    this.#clock = clock;
    this.#reasons = this.#reasonsNow();
    this.#since = clock.now();
    const look = () => this.#look();
    this.#listeners = (["ready", "connection", "draining"] as const)
      .map((name) => source.events.on(name, look));
  }

  /** Since when, in milliseconds since the epoch. */
  get since(): number {
    this.#look();
    return this.#since;
  }

  /** Stops following it. */
  [Symbol.dispose](): void {
    for (const stop of this.#listeners) stop();
  }

  #look(): void {
    const reasons = this.#reasonsNow();
    if (reasons === this.#reasons) return;
    this.#reasons = reasons;
    this.#since = this.#clock.now();
  }

  #reasonsNow(): string {
    return unreadyReasons(this.#source.snapshot()).join();
  }
}
