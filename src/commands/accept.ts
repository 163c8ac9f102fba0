/**
 * Accepts commands into the journal, or answers them at once. What is decided is on disk before the
 * broker gets its PUBACK.
 *
 * @module
 */
import type { Journal } from "../journal/journal.ts";
import type { Requester } from "../journal/requesters.ts";
import { isToBeSent, type Message, type Pending } from "../journal/messages.ts";
import type { Logger } from "../log.ts";
import type { ObjectText } from "../protocol/object_text.ts";
import { readTraceContext } from "../protocol/trace_context.ts";
import { freeBytes } from "../state/private_folder.ts";
import type { Clock } from "../time.ts";
import { isFull, type NotNow, reasonToRefuse } from "./admission.ts";
import { type Command, fieldsOf, holdToken, infoOf, nameOf } from "./command.ts";
import { newCommandId } from "./command_id.ts";
import type { CommandEvents } from "./command_events.ts";
import { type PlatformParams, readPlatformParams } from "./params.ts";
import type { PlatformStatus } from "./platform_status.ts";
import { type CommandMessage, packetOf } from "./packet.ts";
import type { CommandQueue } from "./queue.ts";
import type { PlatformRecheck } from "./recheck.ts";
import { Repeats } from "./repeats.ts";
import { addressOf, answers, notConfigured, refusalLine, type ReplyAddress } from "./reply.ts";

/** A request to run a command. */
interface Offer {
  readonly kind: string;
  readonly requestId: string | undefined;
  readonly params: ObjectText;
  /** The message that brought it. */
  readonly message: CommandMessage;
}

/** A command that cannot be accepted. */
interface RefusedCommand {
  /** What it was to run, for the log. */
  readonly name: string;
  readonly requestId: string | undefined;
  /** The platform's id for the work, when it tracks it. */
  readonly workloadUuid: string | undefined;
}

/** What an acceptor works with. */
interface AcceptorParts {
  readonly settings: {
    /** Seconds for which a request id is remembered; 0 for not at all. */
    readonly dedupeWindow: number;
    /** Whether workloads of the platform wait for their turn rather than being refused. */
    readonly queuePlatformWorkloads: boolean;
  };
  /** The names of the commands that can be run. */
  readonly kinds: readonly string[];
  /** Whether to accept one command only. */
  readonly once: boolean;
  readonly journal: Journal;
  readonly queue: CommandQueue;
  /** Starts what has its turn. */
  readonly runner: { startNext(): void };
  readonly outbox: { send(messages: readonly Pending[]): void };
  readonly platformStatus: PlatformStatus;
  readonly recheck: Pick<PlatformRecheck, "beforeRefusal">;
  readonly events: CommandEvents;
  /** The folder whose disk must have space for new work. */
  readonly workloadsFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What was decided about a command. */
export type Decision =
  /** It runs, or has its turn later; or it is a repetition of the command with this id. */
  | { readonly type: "accepted" | "repeated"; readonly id: string }
  | { readonly type: "refused"; readonly code: RefusalCode; readonly why: string };

/** Why a command is refused, in a word for programs. */
export type RefusalCode = NotNow["code"] | "invalid_request" | "not_configured" | "under_way";

/** What was decided, and what is sent. */
interface Decided {
  readonly decision: Decision;
  readonly messages: readonly Pending[];
}

/** Accepts commands. */
export class Acceptor {
  readonly #parts: AcceptorParts;
  readonly #repeats: Repeats;
  /** The commands that are offered and not decided yet. */
  readonly #offers = new Set<Promise<Decision>>();
  #isDraining = false;
  /** The sessions of the packets that the journal knows. */
  readonly #sessions = { own: 0, pool: 0 };

  /** Makes an acceptor that accepts. */
  constructor(parts: AcceptorParts) {
    this.#parts = parts;
    this.#repeats = new Repeats(parts);
  }

  /** Refuses new commands from now on. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Whether it refuses new commands. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Accepts a command or answers it. Rejects when neither can be stored: then nothing has happened. */
  async offer(offer: Offer, address: ReplyAddress): Promise<Decision> {
    const decided = this.#take(offer, address);
    this.#offers.add(decided);
    try {
      return await decided;
    } finally {
      this.#offers.delete(decided);
    }
  }

  /** Whether something is offered that is neither accepted nor answered yet. */
  get isDeciding(): boolean {
    return this.#offers.size > 0;
  }

  /** Resolves when all that was offered before is accepted or answered. */
  async decided(): Promise<void> {
    await Promise.allSettled(this.#offers);
  }

  /** Answers a command that can never be accepted. Rejects when the answer cannot be stored. */
  async refuse(refused: RefusedCommand, address: ReplyAddress, why: string): Promise<void> {
    const { journal, outbox } = this.#parts;
    outbox.send(await journal.commit(() => this.#refuseForGood(refused, address, why)));
  }

  async #take(offer: Offer, address: ReplyAddress): Promise<Decision> {
    const read = readPlatformParams(offer.params);
    if ("error" in read) {
      const { kind, requestId } = offer;
      const refused = { name: kind, requestId, workloadUuid: read.workloadUuid };
      await this.refuse(refused, address, read.error);
      return { type: "refused", code: "invalid_request", why: read.error };
    }
    const { journal, queue, recheck, outbox } = this.#parts;
    const command = this.#commandFor(offer, read, address);
    if (this.#isBusyFor(command, offer.message)) await recheck.beforeRefusal(command.kind);
    let decision: Decision | undefined;
    try {
      const decided = await journal.commit(() =>
        this.#decide(offer, command, read.params, address.requester)
      );
      decision = decided.decision;
      outbox.send(decided.messages);
    } finally {
      if (decision?.type !== "accepted") {
        queue.left(command);
        command.token?.[Symbol.dispose]();
      }
    }
    if (decision.type === "accepted") this.#report(command);
    return decision;
  }

  /** Part of the transaction that stores what it decides. */
  #decide(
    offer: Offer,
    command: Command,
    params: string,
    requester: Requester | undefined,
  ): Decided {
    const { journal, queue, kinds, runner } = this.#parts;
    this.#noteSession(offer.message);
    const repeated = this.#repeats.answer(command, offer.message, requester);
    if (repeated !== undefined) return repeated;
    const address = { ...addressOf(command), requester };
    if (!kinds.includes(command.kind)) {
      const why = notConfigured(command.kind);
      const messages = this.#refuseForGood({ ...command, name: command.kind }, address, why);
      return { decision: { type: "refused", code: "not_configured", why }, messages };
    }
    const notNow = this.#reasonToRefuse(command, offer.message);
    if (notNow !== undefined) {
      const messages = this.#refuseNow(command, address, notNow.why);
      return { decision: { type: "refused", ...notNow }, messages };
    }
    journal.accept({ ...command, params });
    if (requester !== undefined) journal.requesters.add(command.id, requester);
    const trace = readTraceContext(offer.message.properties?.userProperties);
    if (trace !== undefined) journal.traceContexts.add(command.id, trace);
    // Now, so that what is decided next in the same transaction counts it, and that it starts is part of it.
    queue.add(command);
    runner.startNext();
    return { decision: { type: "accepted", id: command.id }, messages: [] };
  }

  /** Whether a workload is refused for others, which the platform may have given up meanwhile. */
  #isBusyFor({ kind, workloadUuid }: Command, { isPooled }: CommandMessage): boolean {
    if (workloadUuid === undefined || this.#isDraining || isPooled) return false;
    const mustStart = !this.#parts.settings.queuePlatformWorkloads;
    const lane = this.#parts.queue.lane(kind);
    return (mustStart && lane.isShortOfGpus) || isFull({ ...lane, mustStart });
  }

  #report(command: Command): void {
    const { queue, events, logger } = this.#parts;
    events.emit("accepted", { command: infoOf(command) });
    if (!queue.isWaiting(command)) return;
    const { queued } = queue.lane(command.kind);
    logger.info(
      `${nameOf(command)} waits for its turn (${queued} in the queue)`,
      fieldsOf(command),
    );
  }

  /** Why a command cannot be accepted now; `undefined`: it can. */
  #reasonToRefuse(
    { kind, workloadUuid }: Command,
    { isPooled = false }: CommandMessage,
  ): NotNow | undefined {
    const { queue, once, settings, workloadsFolder } = this.#parts;
    return reasonToRefuse({
      ...queue.lane(kind),
      mustStart: workloadUuid !== undefined && !settings.queuePlatformWorkloads,
      draining: this.#isDraining || (once && !queue.isEmpty),
      isPooled,
      freeBytes: freeBytes(workloadsFolder),
    });
  }

  /** In a new session the same packet identifiers mean other packets. */
  #noteSession({ session, isPooled = false }: CommandMessage): void {
    const of = isPooled ? "pool" : "own";
    if (session <= this.#sessions[of]) return;
    this.#parts.journal.forgetPackets(isPooled);
    this.#sessions[of] = session;
  }

  /** Refuses a command for a temporary reason. It is not remembered: sent again it may run. */
  #refuseNow(command: Command, address: ReplyAddress, why: string): Pending[] {
    const { platformStatus, logger } = this.#parts;
    logger.warn(refusalLine(command.kind, why), fieldsOf(command));
    const statuses = platformStatus.busy(command, why, command.instanceUuid);
    return this.#post([...statuses, ...answers(address, command.requestId, { error: why })]);
  }

  #refuseForGood(refused: RefusedCommand, address: ReplyAddress, why: string): Pending[] {
    const { platformStatus, logger } = this.#parts;
    logger.warn(refusalLine(refused.name, why));
    // A workload that another command has under way has not failed.
    const isUnderWay = this.#repeats.isUnderWay(refused.workloadUuid);
    const statuses = isUnderWay ? [] : platformStatus.failed(refused, why);
    return this.#post([...statuses, ...answers(address, refused.requestId, { error: why })]);
  }

  #post(messages: readonly Message[]): Pending[] {
    // Who asks over HTTP is answered at once.
    const sent = messages.filter(isToBeSent);
    return sent.map((message) => this.#parts.journal.messages.post(message));
  }

  #commandFor(
    { kind, requestId, message }: Offer,
    { workloadUuid, token }: PlatformParams,
    { slug, uuid, topic }: ReplyAddress,
  ): Command {
    // Only a command without a request id is identified by its packet.
    const hasId = requestId !== undefined && this.#parts.settings.dedupeWindow > 0;
    return {
      id: newCommandId(this.#parts.clock.now()),
      kind,
      requestId,
      workloadUuid,
      slug,
      instanceUuid: uuid,
      replyTopic: topic,
      packet: hasId ? undefined : packetOf(message),
      hasToken: token !== undefined,
      ...(token !== undefined && { token: holdToken(token) }),
    };
  }
}
