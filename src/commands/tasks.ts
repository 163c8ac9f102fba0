/**
 * What goes on beside the rest, so that every promise has an owner.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";

/** Tasks of a kind, each of which sees to its own failures. */
export class Tasks {
  readonly #logger: Logger;
  readonly #tasks = new Set<Promise<void>>();

  /** Begins with none. */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** How many are not done. */
  get size(): number {
    return this.#tasks.size;
  }

  /** Takes charge of a task. That it fails is a bug, which must not take others with it. */
  add(task: Promise<void>): void {
    const owned = task
      .catch((error) => this.#logger.error(`A task failed unexpectedly: ${messageOf(error)}`))
      .finally(() => this.#tasks.delete(owned));
    this.#tasks.add(owned);
  }

  /** Resolves when all are done. */
  async done(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}
