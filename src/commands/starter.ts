/**
 * Starts commands in shells that wait: each start is remembered before it happens.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Pending } from "../journal/messages.ts";
import type { StoredHandle } from "../journal/record.ts";
import { holdSecret, type Logger } from "../log.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import type { Runner } from "../executors/process/runner.ts";
import { type Accepted, nameOf, type RunningWorkload } from "../executors/process/running.ts";
import type { ShellPool, WaitingShell } from "../executors/process/shell_pool.ts";
import { notConfigured } from "./reply.ts";
import type { Tracking } from "./platform_status.ts";

/** A command as it arrived. */
export interface Arrival {
  readonly command: Accepted;
  /** Its params as JSON. */
  readonly params: string;
  /** The token it came with. */
  readonly token?: string;
}

/** A command whose start is remembered, and what it is to be started with. */
export interface Start {
  readonly command: Accepted;
  readonly params: string;
  readonly shell: WaitingShell;
  /** What the platform is told of it. */
  readonly statuses: readonly Pending[];
}

/** What a starter works with. */
export interface StarterOptions {
  readonly journal: Journal;
  readonly pool: ShellPool;
  readonly runner: Runner;
  /** The templates, as configured. */
  readonly templates: Readonly<Partial<Record<WorkloadKind, string>>>;
  readonly tracking: Tracking;
  /** Where statuses are sent, which the journal has. */
  readonly replies: { send(messages: readonly Pending[]): void };
  readonly logger: Logger;
}

/** Starts commands. */
export class Starter {
  readonly #options: StarterOptions;
  /** The tokens of commands that have not begun, by the commands' ids. */
  readonly #tokens = new Map<string, string>();
  /** What lets go of the masks over the tokens of commands that have not ended. */
  readonly #masks = new Map<string, () => void>();

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
          if (arrival.token !== undefined) this.#keep(id, arrival.token);
          // In order: behind one that waits the others wait as well.
          rooms.set(kind, start === undefined ? 0 : room - 1);
        }
      });
      return starts;
    } catch (error) {
      for (const start of starts.values()) this.abandon(start);
      for (const { command } of arrivals) this.forget(command);
      throw error;
    }
  }

  /** Why a command that waits can never be started as it was meant; `undefined`: it can. */
  obstacle({ id, kind, hasToken }: Accepted): string | undefined {
    if (this.#options.templates[kind] === undefined) return notConfigured(kind);
    if (!hasToken || this.#tokens.has(id)) return undefined;
    return "The node restarted before the workload began, and its token was not kept";
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
      journal.accept({ ...command, params }, handleOf(shell));
      return { command, params, shell, statuses: this.#tell(command, shell) };
    });
  }

  /** Remembers the start of a command that has waited; `undefined`: no shell is ready. */
  remember(command: Accepted): Start | undefined {
    const { journal, pool } = this.#options;
    const shell = pool.take();
    if (shell === undefined) return undefined;
    return this.#with(shell, () =>
      journal.atomically(() => {
        const params = journal.params(command.id);
        journal.start(command.id, handleOf(shell));
        return { command, params, shell, statuses: this.#tell(command, shell) };
      }));
  }

  /** Gives up a start that could not be remembered after all. */
  abandon({ shell }: Start): void {
    this.#options.pool.putBack(shell);
  }

  /** Forgets that a command was started, which certainly never began. */
  unstart(command: Accepted): void {
    const { journal, runner, logger } = this.#options;
    try {
      journal.requeue(command.id);
    } catch (error) {
      // Its next start overwrites what the journal has, and a next node would find the same.
      logger.warn(`Cannot remember that ${nameOf(command)} never began: ${messageOf(error)}`);
    }
    runner.folderOf(command.id).remove();
  }

  /** Lets a command begin whose start is remembered. */
  begin({ command, params, shell, statuses }: Start): RunningWorkload {
    const { runner, replies, logger } = this.#options;
    const token = this.#tokens.get(command.id);
    this.#tokens.delete(command.id);
    const running = runner.launch(command, params, shell, token);
    if (statuses.length > 0) replies.send(statuses);
    logger.info(`${nameOf(command)} started as process ${shell.process.pid} (id ${command.id})`);
    return running;
  }

  /** Forgets what is known of the token of a command, which has ended. */
  forget({ id }: Accepted): void {
    this.#tokens.delete(id);
    this.#masks.get(id)?.();
    this.#masks.delete(id);
  }

  #keep(id: string, token: string): void {
    this.#tokens.set(id, token);
    this.#masks.set(id, holdSecret(token));
  }

  #tell(command: Accepted, { process }: WaitingShell): Pending[] {
    const { journal, tracking } = this.#options;
    return tracking.started(command, process).map((message) => journal.messages.post(message));
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

function handleOf({ process }: WaitingShell): StoredHandle {
  return { executor: "process", attempt: "", bootId: process.bootId, process };
}
