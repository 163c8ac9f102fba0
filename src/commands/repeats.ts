/**
 * Commands that come again: none of them runs a second time.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Message, Pending } from "../journal/messages.ts";
import type { Requester } from "../journal/requesters.ts";
import type { CommandRecord } from "../journal/record.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../time.ts";
import { type Command, fieldsOf, nameOf } from "./command.ts";
import type { CommandMessage } from "./packet.ts";
import { addressOf, answers, refusalLine, replyNotKept } from "./reply.ts";

/** What finding repeats works with. */
export interface RepeatsParts {
  readonly settings: {
    /** Seconds for which a request id is remembered; 0 for not at all. */
    readonly dedupeWindow: number;
  };
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a broker keeps a session, and with it what it delivers again. */
const SESSION_MS = 60 * 60 * 1000;

/** Answers commands that the node has already. */
export class Repeats {
  readonly #parts: RepeatsParts;

  /** Looks for them in the journal. */
  constructor(parts: RepeatsParts) {
    this.#parts = parts;
  }

  /** What is sent for a command that is a repeat; `undefined`: it is none. Part of a transaction. */
  answer(
    command: Command,
    message: CommandMessage,
    requester: Requester | undefined,
  ): Pending[] | undefined {
    const repeated = this.#find(command, message);
    return repeated === undefined
      ? this.#answerKnownWorkload(command, requester)
      : this.#answerRepeated(repeated, requester);
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
      // What the platform took away it may give back, which is no redelivery.
      return known?.end?.cause === "withdrawn" && !dup ? undefined : known;
    }
    if (packet === undefined || !dup) return undefined;
    const known = journal.findPacket(packet);
    return known !== undefined && known.acceptedAt > clock.now() - SESSION_MS ? known : undefined;
  }

  /** Whoever repeats a command gets its reply too, now or when it ends. */
  #answerRepeated(known: CommandRecord, requester: Requester | undefined): Pending[] {
    const { journal: { messages, requesters }, logger } = this.#parts;
    if (known.state !== "ended") {
      if (requester !== undefined) requesters.add(known.id, requester);
      logger.warn(
        `${nameOf(known)} was sent again while it is ${known.state}: ignored`,
        fieldsOf(known),
      );
      return [];
    }
    logger.warn(
      `${nameOf(known)} was sent before, and is not run again: sending its stored reply. ` +
        "Use a new request_id to run it again",
      fieldsOf(known),
    );
    const kept = messages.repost(known.id) ?? [messages.post(replyNotKept(known))];
    const reply = kept.find(({ topic }) => topic === known.replyTopic);
    if (requester === undefined || reply === undefined || isFor(requester, kept)) return kept;
    return [...kept, messages.post({ payload: reply.payload, ...requester })];
  }

  /**
   * Answers a command for a workload that the node has already, which does not run a second time: it
   * has one end. Without a request id a command for it is a repetition of the first.
   */
  #answerKnownWorkload(
    command: Command,
    requester: Requester | undefined,
  ): Pending[] | undefined {
    const { settings, journal, clock, logger } = this.#parts;
    const { workloadUuid, requestId } = command;
    const { dedupeWindow } = settings;
    const since = dedupeWindow === 0 ? Infinity : clock.now() - dedupeWindow * 1000;
    const known = this.#findWorkload(workloadUuid, since);
    if (known === undefined || (known.isOver && requestId !== undefined)) return undefined;
    const what = `The workload ${quoted(workloadUuid)}`;
    if (known.isOver) return this.#answerRepeated(known, requester);
    if (requestId === undefined) {
      logger.warn(`${what} was sent again: ignored`);
      if (requester !== undefined) journal.requesters.add(known.id, requester);
      return [];
    }
    const why = `${what} is under way already, as ${nameOf(known)}`;
    return this.#refuseSecond(command, requester, why);
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

/** Whether one of the messages goes to a requester. */
function isFor({ topic, correlationData }: Requester, messages: readonly Message[]): boolean {
  const data = (bytes: Uint8Array | undefined) => bytes?.toHex();
  return messages.some((message) =>
    message.topic === topic && data(message.correlationData) === data(correlationData)
  );
}
