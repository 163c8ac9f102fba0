/**
 * Background tasks: every promise has an owner.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";

/** Tasks, each of which handles its own failures. */
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

  /** Owns a task. A failure is a bug, and must not affect the others. */
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
