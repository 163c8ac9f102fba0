/**
 * Takes commands in: accepts each into the journal, or answers it at once.
 *
 * @module
 */
import { messageOf, quoted } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Message, Pending } from "../journal/messages.ts";
import type { CommandRecord } from "../journal/record.ts";
import type { Logger } from "../log.ts";
import type { Command } from "../protocol/decode.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import { freeBytes } from "../state/private_folder.ts";
import type { Clock } from "../time.ts";
import { type Accepted, nameOf } from "../executors/process/running.ts";
import { admit } from "./admission.ts";
import { answer, notConfigured, type ReplyAddress } from "./reply.ts";
import { newCommandId } from "./command_id.ts";
import type { Lanes } from "./queue.ts";
import { type PlatformParams, readPlatformParams } from "./params.ts";
import type { Arrival } from "./starter.ts";
import type { Tracking } from "./platform_status.ts";
import type { Refused } from "./receive.ts";

/** Where answers are sent. */
export interface Replies {
  /** Remembers a message and sends it. */
  post(message: Message): void;
  /** Sends messages that the journal remembers. */
  send(messages: readonly Pending[]): void;
}

/** Where accepted commands go. */
export interface Acceptor {
  /** What runs and what waits. */
  readonly lanes: Pick<Lanes, "of">;
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
  readonly tracking: Tracking;
  /** The folder whose disk must have space for new work. */
  readonly workloadsFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A command as it arrived, and who answers it. */
type Addressed = Arrival & { readonly address: ReplyAddress };

/** Takes commands in. */
export class Intake {
  readonly #options: IntakeOptions;
  /** Those that are accepted together: remembering many takes hardly longer than remembering one. */
  #arrivals: Addressed[] = [];
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
    const { requestId } = command;
    if (this.#repeats(kind, requestId)) return;
    const read = readPlatformParams(command.params);
    const { workloadUuid } = read;
    if ("error" in read) {
      return this.refuse({ name: kind, requestId, workloadUuid }, address, read.error);
    }
    const arrival = this.#arrival(kind, requestId, read, address);
    if (this.#isKnown(arrival)) return;
    const refusal = this.#refusal(kind, workloadUuid);
    if (refusal !== undefined) return this.#turnAway(arrival, refusal);
    this.#hasTaken = true;
    this.#arrivals.push(arrival);
  }

  /** Answers a command that cannot be taken, and tells the platform if it follows it. */
  refuse({ name, requestId, workloadUuid }: Refused, address: ReplyAddress, why: string): void {
    const { replies, logger } = this.#options;
    logger.warn(refusalLine(name, why));
    for (const status of this.#failed(workloadUuid, why)) replies.post(status);
    replies.post(answer(address, requestId, { error: why }));
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
      for (const arrival of arrivals) this.#turnAway(arrival, refusal);
    }
  }

  /**
   * Refuses a command for a reason that may pass. The platform takes that for the end of the work,
   * so it is remembered, lest the same command is taken when the broker delivers it once more.
   */
  #turnAway({ command, address }: Addressed, why: string): void {
    const { journal, replies, logger } = this.#options;
    const { id, kind, requestId, workloadUuid } = command;
    if (workloadUuid === undefined) {
      return this.refuse({ name: kind, requestId, workloadUuid }, address, why);
    }
    const statuses = this.#failed(workloadUuid, why);
    const reply = answer(address, requestId, { error: why });
    logger.warn(refusalLine(kind, why));
    try {
      replies.send(journal.atomically(() => {
        journal.accept({ ...command, params: "" });
        const pending = journal.end(id, { cause: "not_started", bytes: 0 }, [reply]);
        return [...pending, ...statuses.map((status) => journal.messages.post(status))];
      }));
    } catch {
      // A full disk, of which a second try tells more.
      for (const message of [...statuses, reply]) replies.post(message);
    }
  }

  /** Tells the platform that its workload failed, unless another command has it under way. */
  #failed(workloadUuid: string | undefined, why: string): Message[] {
    const known = this.#find(workloadUuid, Infinity);
    return known === undefined ? this.#options.tracking.refused({ workloadUuid }, why) : [];
  }

  /** What became of the platform's workload here, if it is not over or was so since `since`. */
  #find(workloadUuid: string | undefined, since: number) {
    if (workloadUuid === undefined) return undefined;
    this.#settleIf((command) => command.workloadUuid === workloadUuid);
    return this.#options.journal.findWorkload(workloadUuid, since);
  }

  /** Whether this was asked before; then the answer, if there is one yet, is sent again. */
  #repeats(kind: WorkloadKind, requestId: string | undefined): boolean {
    const { dedupeWindow, journal, clock, logger } = this.#options;
    if (requestId === undefined || dedupeWindow === 0) return false;
    this.#settleIf((command) => command.requestId === requestId && command.kind === kind);
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

  /**
   * Whether the node has the platform's workload already, which then does not run a second time:
   * it has but one end. Without a request id a command for it is a repeat of the first.
   */
  #isKnown(arrival: Addressed): boolean {
    const { dedupeWindow, clock, logger } = this.#options;
    const { workloadUuid, requestId } = arrival.command;
    const since = dedupeWindow === 0 ? Infinity : clock.now() - dedupeWindow * 1000;
    const known = this.#find(workloadUuid, since);
    if (known === undefined) return false;
    const what = `The workload ${quoted(workloadUuid)}`;
    if (known.isOver) {
      if (requestId !== undefined) return false;
      logger.warn(`${what} was asked for before, and is not run again: sending its stored reply`);
      this.#replyAgain(known);
    } else if (requestId === undefined) {
      logger.warn(`${what} was asked for again: ignored`);
    } else {
      this.#turnAway(arrival, `${what} is under way already, as ${nameOf(known)}`);
    }
    return true;
  }

  /** Lets the journal know of what is about to be accepted if it is one of these. */
  #settleIf(isMeant: (command: Accepted) => boolean): void {
    if (this.#arrivals.some(({ command }) => isMeant(command))) this.settle();
  }

  #replyAgain({ id }: Pick<CommandRecord, "id">): void {
    const { journal, replies, logger } = this.#options;
    try {
      replies.send(journal.messages.repost(id) ?? []);
    } catch (error) {
      logger.error(`Cannot send a stored reply again: ${messageOf(error)}`);
    }
  }

  /** Why a command cannot be taken; `undefined`: it can. */
  #refusal(kind: WorkloadKind, workloadUuid: string | undefined): string | undefined {
    const { templates, scheduler, workloadsFolder, once = false } = this.#options;
    if (templates[kind] === undefined) return notConfigured(kind);
    const { running, queue, concurrency, maxQueued } = scheduler.lanes.of(kind);
    const arrived = this.#arrivals.filter(({ command }) => command.kind === kind).length;
    const admission = admit({
      running: running.size,
      concurrency,
      queued: queue.length + arrived,
      maxQueued,
      tracked: workloadUuid !== undefined,
      closing: this.#closed || (once && this.#hasTaken),
      freeBytes: freeBytes(workloadsFolder),
    });
    return admission.action === "refuse" ? admission.reason : undefined;
  }

  #arrival(
    kind: WorkloadKind,
    requestId: string | undefined,
    { params, workloadUuid, token }: PlatformParams,
    address: ReplyAddress,
  ): Addressed {
    const { slug, uuid, topic } = address;
    const command = {
      id: newCommandId(this.#options.clock.now()),
      kind,
      requestId,
      workloadUuid,
      slug,
      instanceUuid: uuid,
      replyTopic: topic,
      hasToken: token !== undefined,
    };
    return { address, command, params: JSON.stringify(params), token };
  }
}

/** How the log tells of a refusal, in which a stranger's words may be, at any length. */
function refusalLine(name: string, why: string): string {
  return `Refused a command for ${name}: ${why.slice(0, 300)}`;
}
