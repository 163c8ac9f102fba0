/**
 * Takes commands in: accepts each into the journal, or answers it at once.
 *
 * @module
 */
import { messageOf } from "../errors.ts";
import type { Journal, Message, Pending } from "../journal/journal.ts";
import type { CommandRecord } from "../journal/record.ts";
import type { Logger } from "../log.ts";
import type { Command } from "../protocol/command.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import { freeBytes } from "../state/folder.ts";
import type { Clock } from "../time.ts";
import { nameOf } from "../workload/running.ts";
import { admit } from "./admission.ts";
import { answer, type ReplyAddress } from "./answers.ts";
import { newCommandId } from "./command_id.ts";
import type { Lane } from "./lanes.ts";
import type { Arrival } from "./starter.ts";

/** Where answers are sent. */
export interface Replies {
  /** Remembers a message and sends it. */
  post(message: Message): void;
  /** Sends messages that the journal remembers. */
  send(messages: readonly Pending[]): void;
}

/** Where accepted commands go. */
export interface Acceptor {
  /** What runs and what waits of a kind. */
  lane(kind: WorkloadKind): Lane;
  /** Remembers commands, and runs each when it is its turn. Throws when it cannot remember them. */
  accept(arrivals: readonly Arrival[]): void;
}

/** What an intake works with. */
export interface IntakeOptions {
  readonly templates: Readonly<Partial<Record<WorkloadKind, string>>>;
  /** Seconds for which a request id is remembered; 0 for not at all. */
  readonly dedupeWindow: number;
  /** Whether to take one command only. */
  readonly once?: boolean;
  readonly journal: Journal;
  readonly scheduler: Acceptor;
  readonly replies: Replies;
  /** The folder whose disk must have space for new work. */
  readonly workloadsFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Takes commands in. */
export class Intake {
  readonly #options: IntakeOptions;
  /** Those that are accepted together: remembering many takes hardly longer than remembering one. */
  #arrivals: (Arrival & { readonly address: ReplyAddress })[] = [];
  #closed = false;
  #hasTaken = false;

  /** Makes an intake that is open. */
  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Turns away what comes from now on. */
  close(): void {
    this.#closed = true;
  }

  /** Takes a command for `settle()`, or answers it at once. */
  submit(kind: WorkloadKind, command: Command, address: ReplyAddress): void {
    const { templates } = this.#options;
    if (this.#repeats(kind, command.requestId)) return;
    const refusal = templates[kind] === undefined
      ? notConfigured(kind)
      : this.#accept(kind, command, address);
    if (refusal !== undefined) this.#refuse(kind, command.requestId, address, refusal);
  }

  /** Accepts what was submitted, or answers it. Returns when that is on disk. */
  settle(): void {
    const arrivals = this.#arrivals;
    if (arrivals.length === 0) return;
    this.#arrivals = [];
    try {
      this.#options.scheduler.accept(arrivals);
    } catch (error) {
      this.#hasTaken = false;
      const refusal = `The node cannot store the command: ${messageOf(error)}`;
      for (const { command: { kind, requestId }, address } of arrivals) {
        this.#refuse(kind, requestId, address, refusal);
      }
    }
  }

  #refuse(
    kind: WorkloadKind,
    requestId: string | undefined,
    address: ReplyAddress,
    refusal: string,
  ): void {
    const { replies, logger } = this.#options;
    logger.warn(`Refused a command for ${kind}: ${refusal}`);
    replies.post(answer(address, requestId, { error: refusal }));
  }

  /** Whether this was asked before; then the answer, if there is one yet, is sent again. */
  #repeats(kind: WorkloadKind, requestId: string | undefined): boolean {
    const { dedupeWindow, journal, clock, logger } = this.#options;
    if (requestId === undefined || dedupeWindow === 0) return false;
    this.#settleFor(kind, requestId);
    const known = journal.findRequest(kind, requestId, clock.now() - dedupeWindow * 1000);
    if (known === undefined) return false;
    if (known.state === "ended") {
      logger.warn(
        `${nameOf(known)} was asked for before, and is not run again: sending its stored reply. ` +
          "Use a new request_id to run it anew",
      );
      this.#replyAgain(known);
    } else {
      logger.warn(`${nameOf(known)} was asked for again while it is ${known.state}: ignored`);
    }
    return true;
  }

  /** Lets the journal know of a command that is about to be accepted. */
  #settleFor(kind: WorkloadKind, requestId: string): void {
    const isRepeated = this.#arrivals.some(({ command }) =>
      command.requestId === requestId && command.kind === kind
    );
    if (isRepeated) this.settle();
  }

  #replyAgain({ id }: CommandRecord): void {
    const { journal, replies, logger } = this.#options;
    try {
      replies.send(journal.repost(id));
    } catch (error) {
      logger.error(`Cannot send a stored reply again: ${messageOf(error)}`);
    }
  }

  /** Takes a command, or returns why not. */
  #accept(kind: WorkloadKind, command: Command, address: ReplyAddress): string | undefined {
    const { scheduler, workloadsFolder, clock, once = false } = this.#options;
    const { running, queue, concurrency, maxQueued } = scheduler.lane(kind);
    const uuid = command.params.workload_uuid;
    const workloadUuid = typeof uuid === "string" ? uuid : undefined;
    const admission = admit({
      running: running.size,
      concurrency,
      queued: queue.length + this.#arrivals.filter(({ command }) => command.kind === kind).length,
      maxQueued,
      tracked: workloadUuid !== undefined,
      closing: this.#closed || (once && this.#hasTaken),
      freeBytes: freeBytes(workloadsFolder),
    });
    if (admission.action === "refuse") return admission.reason;
    this.#hasTaken = true;
    this.#arrivals.push({
      address,
      command: {
        id: newCommandId(clock.now()),
        kind,
        requestId: command.requestId,
        workloadUuid,
        slug: address.slug,
        instanceUuid: address.uuid,
        replyTopic: address.topic,
      },
      params: JSON.stringify(command.params),
    });
    return undefined;
  }
}

/** The error of a command for which there is no template. */
export function notConfigured(kind: WorkloadKind): string {
  return `${kind[0].toUpperCase()}${kind.slice(1)} command not configured in cyberwave.yml`;
}
