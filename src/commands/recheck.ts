/**
 * Asks the platform whether it still wants the workloads that run or wait here, and stops those that
 * it has ended, forgotten or given to another node.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { Semaphore } from "../results/semaphore.ts";
import { type Clock, orAbort, within } from "../time.ts";
import { type Command, fieldsOf, nameOf } from "./command.ts";
import type { CommandQueue } from "./queue.ts";
import type { CommandRunner } from "./run.ts";

/** What the platform knows about a workload. */
export interface KnownWorkload {
  readonly status: string;
  readonly instanceUuid: string | undefined;
}

/** The platform's list of workloads. */
export interface WorkloadDirectory {
  /** What the platform knows about a workload; `undefined`: it does not know it. */
  workload(uuid: string, signal?: AbortSignal): Promise<KnownWorkload | undefined>;
}

/** What rechecking works with. */
interface PlatformRecheckParts {
  readonly directory: WorkloadDirectory;
  /** Runs and stops commands. */
  readonly runner: Pick<CommandRunner, "runs" | "cancel">;
  readonly queue: Pick<CommandQueue, "waiting" | "expectEnd">;
  /** The identity of the node. */
  address(): { readonly uuid: string };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Why the platform is asked. */
type Occasion = "start" | "heartbeat" | "refusal";

/** How long the platform may take to answer while the sender of a command waits. */
const REFUSAL_LIMIT_MS = 2_000;

/** How long it may take otherwise. */
const LIMIT_MS = 20_000;

/** How many calls are under way at a time. */
const CALLS = 8;

/** How many that wait are asked about at once: those whose turn is next. */
const MAX_WAITING = 50;

/** The platform may not yet know about itself that it has just given a workload to this node. */
const YOUNG_MS = 5_000;

/** How long a workload that has reported its own success may take to end. */
const COMPLETED_MS = 10_000;

/** The statuses that are final. */
const FINAL = ["completed", "failed", "cancelled"];

/** Rechecks what runs and waits here. */
export class PlatformRecheck {
  readonly #parts: PlatformRecheckParts;
  readonly #calls = new Semaphore(CALLS);
  /** The pass over everything that is under way. */
  #everything: Promise<void> | undefined;
  /** The passes over what keeps a kind of command busy. */
  readonly #kinds = new Map<string, Promise<void>>();
  /** The workloads that could not be asked about, so that this is logged once. */
  readonly #unanswered = new Set<string>();
  /** Since when commands are known here, by the monotonic clock. */
  readonly #knownSince = new Map<string, number>();
  /** Since when the platform has workloads as completed that still run, by the same clock. */
  readonly #completedSince = new Map<string, number>();

  /** Asks nothing yet. */
  constructor(parts: PlatformRecheckParts) {
    this.#parts = parts;
  }

  /** Asks about all that an earlier node has accepted. Never rejects. */
  atStart(signal: AbortSignal): Promise<void> {
    return this.#all("start", signal);
  }

  /** Asks about all that runs and about what comes next. Never rejects. */
  atHeartbeat(signal: AbortSignal): Promise<void> {
    return this.#all("heartbeat", signal);
  }

  /** Asks about what runs, for at most 2 s, before a workload of this kind is refused for it. */
  beforeRefusal(kind: string): Promise<void> {
    const asked = this.#kinds.get(kind) ?? within(
      REFUSAL_LIMIT_MS,
      this.#parts.clock,
      (tooLate) =>
        this.#ask(this.#runs().filter((command) => command.kind === kind), "refusal", tooLate),
    ).finally(() => this.#kinds.delete(kind));
    this.#kinds.set(kind, asked);
    return asked;
  }

  #all(occasion: Occasion, signal: AbortSignal): Promise<void> {
    const { clock, queue } = this.#parts;
    return this.#everything ??= within(LIMIT_MS, clock, async (tooLate) => {
      const commands = [...this.#runs(), ...queue.waiting().slice(0, MAX_WAITING)];
      this.#forgetAllBut(commands);
      const asked = commands.filter((command) => occasion === "start" || !this.#isYoung(command));
      await this.#ask(asked, occasion, AbortSignal.any([signal, tooLate]));
    }).finally(() => this.#everything = undefined);
  }

  /** The commands in hand that are not being stopped anyway. */
  #runs(): Command[] {
    const { runner, queue } = this.#parts;
    const runs = runner.runs();
    for (const { command, stop } of runs) {
      if (stop.request?.cause === "withdrawn") queue.expectEnd(command);
    }
    return runs.filter(({ stop }) => stop.request === undefined).map(({ command }) => command);
  }

  async #ask(commands: readonly Command[], occasion: Occasion, signal: AbortSignal): Promise<void> {
    await Promise.all(commands.map(async (command) => {
      const { workloadUuid: uuid } = command;
      if (uuid === undefined) return;
      try {
        await this.#calls.run(() => this.#askAbout(command, uuid, occasion, signal), signal);
        this.#unanswered.delete(command.id);
      } catch (error) {
        // A workload that was not asked about in time is asked about next time.
        if (signal.aborted || this.#unanswered.has(command.id)) return;
        this.#unanswered.add(command.id);
        this.#parts.logger.warn(
          `Cannot ask the platform about ${nameOf(command)}: ${messageOf(error)}; it goes on`,
          fieldsOf(command),
        );
      }
    }));
  }

  async #askAbout(
    command: Command,
    uuid: string,
    occasion: Occasion,
    signal: AbortSignal,
  ): Promise<void> {
    const { directory, runner, queue, address, logger } = this.#parts;
    const known = await orAbort(directory.workload(uuid, signal), signal);
    if (signal.aborted) return;
    const why = reasonToStop(known, [address().uuid, command.instanceUuid]);
    const mayFinish = occasion !== "start" && this.#mayFinish(command, known);
    if (why === undefined || mayFinish) return;
    const since = occasion === "start" ? ", which is from before this start" : "";
    logger.warn(`Stopping ${nameOf(command)}${since}: the platform ${why}`, fieldsOf(command));
    if (await runner.cancel(command, "SIGTERM", "withdrawn")) queue.expectEnd(command);
  }

  /** Whether a workload has just reported its success by itself, and so is about to end. */
  #mayFinish({ id }: Command, known: KnownWorkload | undefined): boolean {
    if (known?.status !== "completed") return false;
    return this.#since(this.#completedSince, id) < COMPLETED_MS;
  }

  /** Whether a command came only now. */
  #isYoung({ id }: Command): boolean {
    return this.#since(this.#knownSince, id) < YOUNG_MS;
  }

  /**
   * How long ago a command was recorded in `noted`, where it is recorded now if it is not there
   * yet.
   */
  #since(noted: Map<string, number>, id: string): number {
    const now = this.#parts.clock.monotonic();
    const since = noted.get(id) ?? now;
    noted.set(id, since);
    return now - since;
  }

  /** Forgets what was recorded for commands that have ended. */
  #forgetAllBut(commands: readonly Command[]): void {
    const ids = new Set(commands.map(({ id }) => id));
    for (const noted of [this.#unanswered, this.#knownSince, this.#completedSince]) {
      for (const id of noted.keys()) if (!ids.has(id)) noted.delete(id);
    }
  }
}

/** Why a workload is to be stopped; `undefined`: it is not. */
export function reasonToStop(
  known: KnownWorkload | undefined,
  own: readonly string[],
): string | undefined {
  if (known === undefined) return "no longer knows it";
  if (FINAL.includes(known.status)) return `has it as ${known.status}`;
  if (known.instanceUuid !== undefined && !own.includes(known.instanceUuid)) {
    return "has given it to another node";
  }
  return undefined;
}
