/**
 * Events of a node, for counters, `--once`, pages and programs that embed it.
 *
 * @module
 */
import type { CommandEventMap } from "../commands/command_events.ts";
import { messageOf } from "../errors.ts";
import type { ExecutorStatus } from "../executors/executor.ts";
import type { Logger } from "../log.ts";

/** What is reported of each event of a node. */
export interface NodeEventMap extends CommandEventMap {
  /** The node is connected and waits for commands, for the first time since it was started. */
  readonly ready: { readonly uuid: string; readonly slug: string };
  /** The connection to the broker was made, or lost. */
  readonly connection: { readonly isConnected: boolean };
  /** The node takes no new commands from now on. */
  readonly draining: Record<never, never>;
  /** The state of the executor of a kind has changed. */
  readonly executor: { readonly kind: string } & ExecutorStatus;
  /** The backend has accepted a heartbeat. */
  readonly heartbeat: { readonly at: number };
}

/** The name of an event. */
export type NodeEventName = keyof NodeEventMap;

type Listener = (detail: never) => unknown;

/** The events of one node. */
export class NodeEvents {
  readonly #logger: Logger;
  readonly #listeners = new Map<NodeEventName, Set<Listener>>();

  /** Begins without listeners. */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Calls `listener` at each event of that name, until the result is called. It may be async. */
  on<Name extends NodeEventName>(
    name: Name,
    listener: (detail: NodeEventMap[Name]) => unknown,
  ): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Whether anybody listens to events of that name. */
  isHeard(name: NodeEventName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  /** Reports an event. The errors of listeners are logged. */
  emit<Name extends NodeEventName>(name: Name, detail: NodeEventMap[Name]): void {
    const failed = (error: unknown) =>
      this.#logger.error(`A listener to ${name} events failed: ${messageOf(error)}`);
    const listeners = this.#listeners.get(name);
    // A copy: listeners that a listener adds are called from the next event on.
    for (const listener of [...listeners ?? []]) {
      // A listener may have removed it.
      if (!listeners?.has(listener)) continue;
      try {
        const listened = (listener as (detail: NodeEventMap[Name]) => unknown)(detail);
        if (listened instanceof Promise) listened.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }
}
