/**
 * Accepts commands into the journal, or answers them at once. What is decided is on disk before the
 * broker gets its PUBACK.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Message, Pending } from "../journal/messages.ts";
import type { CommandRecord } from "../journal/record.ts";
import type { Logger } from "../log.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import type { ObjectText } from "../protocol/object_text.ts";
import { freeBytes } from "../state/private_folder.ts";
import type { Clock } from "../time.ts";
import { reasonToRefuse } from "./admission.ts";
import { type Command, holdToken, infoOf, nameOf } from "./command.ts";
import { newCommandId } from "./command_id.ts";
import type { CommandEvents } from "./command_events.ts";
import { type PlatformParams, readPlatformParams } from "./params.ts";
import type { PlatformStatus } from "./platform_status.ts";
import { type CommandMessage, packetOf } from "./packet.ts";
import type { CommandQueue } from "./queue.ts";
import { addressOf, answer, notConfigured, type ReplyAddress, replyNotKept } from "./reply.ts";

/** A request to run a command. */
interface Offer {
  readonly kind: WorkloadKind;
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
  readonly settings: Readonly<Partial<Record<WorkloadKind, string>>> & {
    /** Seconds for which a request id is remembered; 0 for not at all. */
    readonly dedupeWindow: number;
  };
  /** Whether to accept one command only. */
  readonly once: boolean;
  readonly journal: Journal;
  readonly queue: CommandQueue;
  /** Starts what has its turn. */
  readonly runner: { startNext(): void };
  readonly outbox: { send(messages: readonly Pending[]): void };
  readonly platformStatus: PlatformStatus;
  readonly events: CommandEvents;
  /** The folder whose disk must have space for new work. */
  readonly workloadsFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What was decided: whether the command runs, and what is sent. */
interface Decision {
  readonly isAccepted: boolean;
  readonly messages: readonly Pending[];
}

/** How long a broker keeps a session, and with it what it delivers again. */
const SESSION_MS = 60 * 60 * 1000;

/** Accepts commands. */
export class Acceptor {
  readonly #parts: AcceptorParts;
  #isDraining = false;
  /** The session of the packets that the journal knows. */
  #session = 0;

  /** Makes an acceptor that accepts. */
  constructor(parts: AcceptorParts) {
    this.#parts = parts;
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
  async offer(offer: Offer, address: ReplyAddress): Promise<void> {
    const read = readPlatformParams(offer.params);
    if ("error" in read) {
      const { kind, requestId } = offer;
      const refused = { name: kind, requestId, workloadUuid: read.workloadUuid };
      return await this.refuse(refused, address, read.error);
    }
    const { journal, queue, outbox } = this.#parts;
    const command = this.#commandFor(offer, read, address);
    let isAccepted = false;
    try {
      const decision = await journal.commit(() => this.#decide(offer, command, read.params));
      isAccepted = decision.isAccepted;
      outbox.send(decision.messages);
    } finally {
      if (!isAccepted) {
        queue.left(command);
        command.token?.[Symbol.dispose]();
      }
    }
    if (isAccepted) this.#started(command);
  }

  /** Answers a command that can never be accepted. Rejects when the answer cannot be stored. */
  async refuse(refused: RefusedCommand, address: ReplyAddress, why: string): Promise<void> {
    const { journal, outbox } = this.#parts;
    outbox.send(await journal.commit(() => this.#refuseForGood(refused, address, why)));
  }

  /** Part of the transaction that stores what it decides. */
  #decide(offer: Offer, command: Command, params: string): Decision {
    const { journal, queue, settings } = this.#parts;
    // In a new session the same packet identifiers mean other packets.
    if (offer.message.session !== this.#session) {
      journal.forgetPackets();
      this.#session = offer.message.session;
    }
    const repeated = this.#findRepeated(offer, command);
    if (repeated !== undefined) return refusedWith(this.#answerRepeated(repeated));
    const address = addressOf(command);
    const known = this.#answerKnownWorkload(command, address);
    if (known !== undefined) return refusedWith(known);
    if (settings[command.kind] === undefined) {
      const refused = { ...command, name: command.kind };
      return refusedWith(this.#refuseForGood(refused, address, notConfigured(command.kind)));
    }
    const why = this.#reasonToRefuse(command);
    if (why !== undefined) return refusedWith(this.#refuseNow(command, why));
    journal.accept({ ...command, params });
    // Now, so that what is decided next in the same transaction counts it.
    queue.offer(command);
    return { isAccepted: true, messages: [] };
  }

  #started(command: Command): void {
    const { queue, runner, events, logger } = this.#parts;
    queue.add(command);
    events.emit("accepted", { command: infoOf(command) });
    runner.startNext();
    if (!queue.isWaiting(command)) return;
    const { queued } = queue.lane(command.kind);
    logger.info(`${nameOf(command)} waits for its turn (${queued} in the queue)`);
  }

  /** The command that this is a repetition of. */
  #findRepeated(
    { kind, requestId, message }: Offer,
    { packet }: Command,
  ): CommandRecord | undefined {
    const { settings, journal, clock } = this.#parts;
    if (requestId !== undefined && settings.dedupeWindow > 0) {
      return journal.findRequest(kind, requestId, clock.now() - settings.dedupeWindow * 1000);
    }
    if (packet === undefined || !message.dup) return undefined;
    const known = journal.findPacket(packet);
    return known !== undefined && known.acceptedAt > clock.now() - SESSION_MS ? known : undefined;
  }

  #answerRepeated(known: CommandRecord): Pending[] {
    const { logger } = this.#parts;
    if (known.state !== "ended") {
      logger.warn(`${nameOf(known)} was sent again while it is ${known.state}: ignored`);
      return [];
    }
    logger.warn(
      `${nameOf(known)} was sent before, and is not run again: sending its stored reply. ` +
        "Use a new request_id to run it again",
    );
    const { messages } = this.#parts.journal;
    return messages.repost(known.id) ?? [messages.post(replyNotKept(known))];
  }

  /**
   * Answers a command for a workload that the node has already, which does not run a second time: it
   * has one end. Without a request id a command for it is a repetition of the first.
   */
  #answerKnownWorkload(command: Command, address: ReplyAddress): Pending[] | undefined {
    const { settings, clock, logger } = this.#parts;
    const { workloadUuid, requestId } = command;
    const { dedupeWindow } = settings;
    const since = dedupeWindow === 0 ? Infinity : clock.now() - dedupeWindow * 1000;
    const known = this.#findWorkload(workloadUuid, since);
    if (known === undefined || (known.isOver && requestId !== undefined)) return undefined;
    const what = `The workload ${quoted(workloadUuid)}`;
    if (known.isOver) return this.#answerRepeated(known);
    if (requestId === undefined) {
      logger.warn(`${what} was sent again: ignored`);
      return [];
    }
    return this.#refuseSecond(
      command,
      address,
      `${what} is under way already, as ${nameOf(known)}`,
    );
  }

  /** Refuses a second command for a workload. It is remembered: delivered again it must not run. */
  #refuseSecond(command: Command, address: ReplyAddress, why: string): Pending[] {
    const { journal, logger } = this.#parts;
    logger.warn(refusalLine(command.kind, why));
    journal.accept({ ...command, params: "" });
    const reply = answer(address, command.requestId, { error: why });
    return journal.end(command.id, { cause: "not_started", bytes: 0, isSilent: true }, [reply]);
  }

  #findWorkload(workloadUuid: string | undefined, since: number) {
    if (workloadUuid === undefined) return undefined;
    return this.#parts.journal.findWorkload(workloadUuid, since);
  }

  /** Why a command cannot be accepted now; `undefined`: it can. */
  #reasonToRefuse({ kind, workloadUuid }: Command): string | undefined {
    const { queue, once, workloadsFolder } = this.#parts;
    return reasonToRefuse({
      ...queue.lane(kind),
      tracked: workloadUuid !== undefined,
      draining: this.#isDraining || (once && !queue.isEmpty),
      freeBytes: freeBytes(workloadsFolder),
    });
  }

  /** Refuses a command for a temporary reason. It is not remembered: sent again it may run. */
  #refuseNow(command: Command, why: string): Pending[] {
    const { platformStatus, logger } = this.#parts;
    logger.warn(refusalLine(command.kind, why));
    const statuses = platformStatus.busy(command, why, command.instanceUuid);
    return this.#post([...statuses, answer(addressOf(command), command.requestId, { error: why })]);
  }

  #refuseForGood(refused: RefusedCommand, address: ReplyAddress, why: string): Pending[] {
    const { platformStatus, logger } = this.#parts;
    logger.warn(refusalLine(refused.name, why));
    // A workload that another command has under way has not failed.
    const isUnderWay = this.#findWorkload(refused.workloadUuid, Infinity) !== undefined;
    const statuses = isUnderWay ? [] : platformStatus.failed(refused, why);
    return this.#post([...statuses, answer(address, refused.requestId, { error: why })]);
  }

  #post(messages: readonly Message[]): Pending[] {
    return messages.map((message) => this.#parts.journal.messages.post(message));
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

function refusedWith(messages: readonly Pending[]): Decision {
  return { isAccepted: false, messages };
}

/** How the log reports a refusal. `why` may quote the sender, at any length. */
function refusalLine(name: string, why: string): string {
  return `Refused a command for ${name}: ${why.slice(0, 300)}`;
}
