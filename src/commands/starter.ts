/**
 * Starts commands in shells that wait: each start is remembered before it happens.
 *
 * @module
 */
import type { Journal } from "../journal/journal.ts";
import type { Logger } from "../log.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import type { Runner } from "../workload/runner.ts";
import { type Accepted, nameOf, type RunningWorkload } from "../workload/running.ts";
import type { ShellPool, WaitingShell } from "../workload/shell_pool.ts";

/** A command as it arrived. */
export interface Arrival {
  readonly command: Accepted;
  /** Its params as JSON. */
  readonly params: string;
}

/** A command whose start is remembered, and what it is to be started with. */
export interface Start extends Arrival {
  readonly shell: WaitingShell;
}

/** What a starter works with. */
export interface StarterOptions {
  readonly journal: Journal;
  readonly pool: ShellPool;
  readonly runner: Runner;
  readonly logger: Logger;
}

/** Starts commands. */
export class Starter {
  readonly #options: StarterOptions;

  /** Makes a starter. */
  constructor(options: StarterOptions) {
    this.#options = options;
  }

  /**
   * Remembers new commands, with the starts of those for whose kind there is room and a shell is
   * ready. Throws when it cannot, and then remembers none.
   */
  acceptAll(
    arrivals: readonly Arrival[],
    roomOf: (kind: WorkloadKind) => number,
  ): Map<string, Start> {
    const starts = new Map<string, Start>();
    const rooms = new Map<WorkloadKind, number>();
    try {
      this.#options.journal.atomically(() => {
        for (const arrival of arrivals) {
          const { id, kind } = arrival.command;
          const room = rooms.get(kind) ?? roomOf(kind);
          const start = this.#accept(arrival, room > 0);
          if (start !== undefined) starts.set(id, start);
          // In order: behind one that waits the others wait as well.
          rooms.set(kind, start === undefined ? 0 : room - 1);
        }
      });
      return starts;
    } catch (error) {
      for (const start of starts.values()) this.abandon(start);
      throw error;
    }
  }

  /** Remembers the starts of commands that have waited in `starts`, until no more shell is ready. */
  rememberAll(commands: readonly Accepted[], starts: Start[]): void {
    for (const command of commands) {
      const start = this.remember(command);
      if (start === undefined) return;
      starts.push(start);
    }
  }

  #accept({ command, params }: Arrival, now: boolean): Start | undefined {
    const { journal, pool } = this.#options;
    const shell = now ? pool.take() : undefined;
    if (shell === undefined) {
      journal.accept({ ...command, params });
      return undefined;
    }
    return this.#with(shell, () => {
      journal.accept({ ...command, params }, shell.process);
      return { command, params, shell };
    });
  }

  /** Remembers the start of a command that has waited; `undefined`: no shell is ready. */
  remember(command: Accepted): Start | undefined {
    const { journal, pool } = this.#options;
    const shell = pool.take();
    if (shell === undefined) return undefined;
    return this.#with(shell, () => {
      const params = journal.params(command.id);
      journal.start(command.id, shell.process);
      return { command, params, shell };
    });
  }

  /** Gives up a start that could not be remembered after all. */
  abandon({ shell }: Start): void {
    this.#options.pool.putBack(shell);
  }

  /** Lets a command begin whose start is remembered. */
  begin({ command, params, shell }: Start): RunningWorkload {
    const { runner, logger } = this.#options;
    const running = runner.launch(command, params, shell);
    logger.info(`${nameOf(command)} started as process ${shell.process.pid} (id ${command.id})`);
    return running;
  }

  #with(shell: WaitingShell, remember: () => Start): Start {
    try {
      return remember();
    } catch (error) {
      this.#options.pool.putBack(shell);
      throw error;
    }
  }
}
