/**
 * Commands that come again: none of them runs a second time.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { type Message, NO_TOPIC, type Pending } from "../journal/messages.ts";
import type { Requester } from "../journal/requesters.ts";
import type { CommandRecord } from "../journal/record.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { type Command, fieldsOf, nameOf } from "./command.ts";
import type { CommandMessage } from "./packet.ts";
import { addressOf, answers, refusalLine, replyNotKept, toAll } from "./reply.ts";

/** What finding repeats works with. */
interface RepeatsParts {
  readonly settings: {
    /** Seconds for which a request id is remembered; 0 for not at all. */
    readonly dedupeWindow: number;
  };
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a broker keeps a session and may deliver its messages again. */
const SESSION_MS = 60 * 60 * 1000;

/** What was decided about a command that is a repeat, and what is sent for it. */
interface Repeat {
  readonly decision:
    | { readonly type: "repeated"; readonly id: string }
    | { readonly type: "refused"; readonly code: "under_way"; readonly why: string };
  readonly messages: readonly Pending[];
}

/** Answers commands that the node has already. */
export class Repeats {
  readonly #parts: RepeatsParts;

  /** Looks for them in the journal. */
  constructor(parts: RepeatsParts) {
    this.#parts = parts;
  }

  /** Answers a command that is a repeat; `undefined`: it is none. Part of a transaction. */
  answer(
    command: Command,
    message: CommandMessage,
    requester: Requester | undefined,
  ): Repeat | undefined {
    const repeated = this.#find(command, message);
    return repeated === undefined
      ? this.#answerKnownWorkload(command, requester)
      : this.#answerRepeated(repeated, command, requester);
  }

  /** Whether a command is under way for a workload of the platform. */
  isUnderWay(workloadUuid: string | undefined): boolean {
    return this.#findWorkload(workloadUuid, Infinity) !== undefined;
  }

  /** The command that this is a repetition of. */
  #find({ kind, requestId, packet }: Command, { dup }: CommandMessage): CommandRecord | undefined {
    const { settings, journal, clock } = this.#parts;
    if (requestId !== undefined && settings.dedupeWindow > 0) {
      const since = clock.now() - settings.dedupeWindow * 1000;
      const known = journal.findRequest(kind, requestId, since);
      // The platform may give a withdrawn workload again, which is not a redelivery.
      return known?.end?.cause === "withdrawn" && !dup ? undefined : known;
    }
    if (packet === undefined || !dup) return undefined;
    const known = journal.findPacket(packet);
    return known !== undefined && known.acceptedAt > clock.now() - SESSION_MS ? known : undefined;
  }

  /** The sender of a repeat gets the reply, too, now or when the command ends. */
  #answerRepeated(
    known: CommandRecord,
    command: Command,
    requester: Requester | undefined,
  ): Repeat {
    const { logger } = this.#parts;
    const decision = { type: "repeated", id: known.id } as const;
    if (known.state !== "ended") {
      this.#addRequesters(known, command, requester);
      logger.warn(
        `${nameOf(known)} was sent again while it is ${known.state}: ignored`,
        fieldsOf(known),
      );
      return { decision, messages: [] };
    }
    logger.warn(
      `${nameOf(known)} was sent before, and is not run again: sending its stored reply. ` +
        "Use a new request_id to run it again",
      fieldsOf(known),
    );
    return { decision, messages: this.#sendAgain(known, command, requester) };
  }

  /** The sender of a repeat will get the reply of a command that is under way. */
  #addRequesters(known: CommandRecord, command: Command, requester: Requester | undefined): void {
    const { requesters } = this.#parts.journal;
    // A command over HTTP would be answered there alone.
    if (known.replyTopic === NO_TOPIC && command.replyTopic !== NO_TOPIC) {
      requesters.add(known.id, { topic: command.replyTopic });
    }
    if (requester !== undefined) requesters.add(known.id, requester);
  }

  /** Sends the reply of a command again, also to the sender of the repeat. */
  #sendAgain(
    known: CommandRecord,
    command: Command,
    requester: Requester | undefined,
  ): Pending[] {
    const { messages } = this.#parts.journal;
    // A sender over HTTP reads it from the journal.
    if (command.replyTopic === NO_TOPIC) return [];
    const again = messages.repost(known.id) ?? [];
    const payload = messages.replyOf(known.id) ?? replyNotKept(known).payload;
    const topic = known.replyTopic === NO_TOPIC ? command.replyTopic : known.replyTopic;
    const isOnItsWay = (reply: Message) =>
      again.some((sent) =>
        sent.topic === reply.topic &&
        // On the topic of the node a copy for a requester takes the place of the reply.
        (isSame(sent, reply) || (reply.topic === topic && reply.correlationData === undefined))
      );
    const missing = toAll({ topic, payload }, [requester]).filter((reply) => !isOnItsWay(reply));
    return [...again, ...missing.map((reply) => messages.post(reply))];
  }

  /**
   * Answers a command for a workload that the node has already, which does not run a second time: it
   * has one end. Without a request id a command for it is a repetition of the first.
   */
  #answerKnownWorkload(
    command: Command,
    requester: Requester | undefined,
  ): Repeat | undefined {
    const { settings, clock, logger } = this.#parts;
    const { workloadUuid, requestId } = command;
    const { dedupeWindow } = settings;
    const since = dedupeWindow === 0 ? Infinity : clock.now() - dedupeWindow * 1000;
    const known = this.#findWorkload(workloadUuid, since);
    if (known === undefined || (known.isOver && requestId !== undefined)) return undefined;
    const what = `The workload ${quoted(workloadUuid)}`;
    if (known.isOver) return this.#answerRepeated(known, command, requester);
    if (requestId === undefined) {
      logger.warn(`${what} was sent again: ignored`);
      this.#addRequesters(known, command, requester);
      return { decision: { type: "repeated", id: known.id }, messages: [] };
    }
    const why = `${what} is under way already, as ${nameOf(known)}`;
    const messages = this.#refuseSecond(command, requester, why);
    return { decision: { type: "refused", code: "under_way", why }, messages };
  }

  /** Refuses a second command for a workload. It is remembered: delivered again it must not run. */
  #refuseSecond(command: Command, requester: Requester | undefined, why: string): Pending[] {
    const { journal, logger } = this.#parts;
    logger.warn(refusalLine(command.kind, why), fieldsOf(command));
    journal.accept({ ...command, params: "" });
    const address = { ...addressOf(command), requester };
    const replies = answers(address, command.requestId, { error: why });
    return journal.end(command.id, { cause: "not_started", bytes: 0, isSilent: true }, replies);
  }

  #findWorkload(workloadUuid: string | undefined, since: number) {
    if (workloadUuid === undefined) return undefined;
    return this.#parts.journal.findWorkload(workloadUuid, since);
  }
}

/** Whether two messages are known by the same mark. */
function isSame(one: Message, other: Message): boolean {
  return one.correlationData?.toHex() === other.correlationData?.toHex();
}
