/**
 * Hooks: shell commands of the user that run at events of the node. They never block it: events
 * that are too many are left out, and the node stops without waiting for hooks.
 *
 * @module
 */
import type { Logger } from "../log.ts";
import { type Clock, isAbort } from "../time.ts";
import type { NodeEventMap, NodeEvents } from "./events.ts";
import type { NodeIdentity } from "./options.ts";
import { resourcesJson } from "../protocol/resources.ts";

/** The settings that name hooks. */
export interface HookSettings {
  readonly onWorkloadEnd: string | undefined;
  readonly onDisconnect: string | undefined;
  /** Seconds without the broker after which `onDisconnect` runs. */
  readonly onDisconnectAfter: number;
  readonly onUnhealthy: string | undefined;
}

/** What hooks work with. */
interface HooksParts {
  readonly settings: HookSettings;
  readonly events: Pick<NodeEvents, "on">;
  readonly clock: Clock;
  readonly logger: Logger;
  identity(): NodeIdentity | undefined;
  /** Runs a hook to its end, or until the node stops. Never rejects. */
  run(name: string, source: string, event: unknown, stopped: AbortSignal): Promise<void>;
}

/**
 * How many hooks run at a time, so that a thousand quick commands do not start a thousand of them.
 */
const AT_ONCE = 2;
/** How many hooks may wait. */
const MAX_WAITING = 1_000;

/** Runs hooks until it is disposed. */
export class Hooks implements Disposable {
  readonly #parts: HooksParts;
  readonly #stopped = new AbortController();
  readonly #listeners: (() => void)[] = [];
  readonly #waiting: (() => Promise<void>)[] = [];
  #running = 0;
  #isOverfull = false;
  /** The states that were reported as unhealthy, by kind. */
  readonly #reported = new Map<string, string>();
  /** Aborts when the broker is back. */
  #outage: AbortController | undefined;

  /** Listens from now on. */
  constructor(parts: HooksParts) {
    this.#parts = parts;
    const { events, settings: { onWorkloadEnd, onDisconnect, onUnhealthy } } = parts;
    if (onWorkloadEnd !== undefined) {
      this.#listeners.push(events.on("ended", (ended) => {
        this.#add("on_workload_end", onWorkloadEnd, workloadEnd(ended));
      }));
    }
    if (onDisconnect !== undefined) {
      this.#listeners.push(events.on("connection", ({ isConnected }) => {
        if (isConnected) this.#outage?.abort();
        else void this.#watchOutage(onDisconnect);
      }));
      // A node that starts has no broker yet, and may never reach it.
      void this.#watchOutage(onDisconnect);
    }
    if (onUnhealthy !== undefined) {
      this.#listeners.push(events.on("executor", ({ kind, state, reason }) => {
        if (state === "ready" || state === "busy") this.#reported.delete(kind);
        if (state !== "unhealthy" && state !== "failed") return;
        // One that has failed is tried again for as long as it takes.
        if (this.#reported.get(kind) === state) return;
        this.#reported.set(kind, state);
        const event = { event: "unhealthy", kind, state, reason: reason ?? null };
        this.#add("on_unhealthy", onUnhealthy, event);
      }));
    }
  }

  /** Starts no more hooks. */
  [Symbol.dispose](): void {
    for (const stop of this.#listeners) stop();
    this.#stopped.abort();
    this.#waiting.length = 0;
  }

  /** Runs a hook unless the broker is back in time. */
  async #watchOutage(source: string): Promise<void> {
    const { clock, settings: { onDisconnectAfter } } = this.#parts;
    const since = new Date(clock.now()).toISOString();
    this.#outage?.abort();
    this.#outage = new AbortController();
    const over = AbortSignal.any([this.#outage.signal, this.#stopped.signal]);
    try {
      await clock.sleep(onDisconnectAfter * 1000, over);
    } catch (error) {
      if (isAbort(error, over)) return;
      throw error;
    }
    const event = { event: "disconnect", since, seconds: onDisconnectAfter };
    this.#add("on_disconnect", source, event);
  }

  #add(name: string, source: string, event: Record<string, unknown>): void {
    const { clock, logger, run, identity } = this.#parts;
    if (this.#waiting.length >= MAX_WAITING) {
      if (!this.#isOverfull) {
        logger.warn(`${MAX_WAITING} hooks wait: further events are left out until there is room`);
      }
      this.#isOverfull = true;
      return;
    }
    const { uuid, slug } = identity() ?? {};
    const at = new Date(clock.now()).toISOString();
    this.#waiting.push(() =>
      run(name, source, { ...event, at, node: { uuid, slug } }, this.#stopped.signal)
    );
    this.#next();
  }

  #next(): void {
    while (this.#running < AT_ONCE) {
      const hook = this.#waiting.shift();
      if (hook === undefined) return;
      this.#running++;
      if (this.#waiting.length === 0) this.#isOverfull = false;
      void hook().then(() => {
        this.#running--;
        this.#next();
      });
    }
  }
}

/** The event of the end of a workload. */
function workloadEnd(
  { command, outcome, seconds }: NodeEventMap["ended"],
): Record<string, unknown> {
  const { end } = outcome;
  return {
    event: "workload_end",
    workload: {
      id: command.id,
      kind: command.kind,
      request_id: command.requestId ?? null,
      workload_uuid: command.workloadUuid ?? null,
      outcome: outcome.status,
      cause: end.cause,
      exit_code: end.exitCode ?? null,
      signal: end.signal ?? null,
      duration_s: seconds,
      resources: resourcesJson(end.resources) ?? null,
    },
  };
}
