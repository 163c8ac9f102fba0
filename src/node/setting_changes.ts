/**
 * Settings that change while a node runs.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";

/** The settings that a node takes over while it runs. All others take effect when it is started. */
export const LIVE_SETTINGS = [
  "cancelGrace",
  "concurrency",
  "logJobOutput",
  "maxCommandSize",
  "maxOutput",
  "maxQueued",
  "poolPrefetch",
  "queuePlatformWorkloads",
  "timeout",
] as const satisfies readonly (keyof Settings)[];

/** New values of such settings. */
type LiveChanges = Partial<Pick<Settings, (typeof LIVE_SETTINGS)[number]>>;

/** Passes changes of settings from the command line to the node. */
export class SettingChanges {
  #take: ((changes: LiveChanges) => void) | undefined;

  /** Calls `take` for each change from now on, until the result is disposed. */
  listen(take: (changes: LiveChanges) => void): Disposable {
    this.#take = take;
    return { [Symbol.dispose]: () => this.#take = undefined };
  }

  /** Passes a change on. Without a listener no node is running, and it has no effect. */
  apply(changes: LiveChanges): void {
    this.#take?.(changes);
  }
}
