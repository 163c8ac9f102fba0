/**
 * Turns messages into commands, and passes each to what answers it.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Message, Pending } from "../journal/messages.ts";
import { holdSecret, type Logger, redact } from "../log.ts";
import { decodeCommand, type DecodedCommand } from "../protocol/decode.ts";
import { isWorkloadKind } from "../protocol/kinds.ts";
import type { Acceptor } from "./accept.ts";
import { readAnnouncement } from "./announcement.ts";
import type { CommandCanceller } from "./canceller.ts";
import type { CommandMessage } from "./packet.ts";
import { answers, type ReplyAddress } from "./reply.ts";
import { readRequester } from "./requester.ts";

/** What a receiver works with. */
interface CommandReceiverParts {
  readonly acceptor: Acceptor;
  readonly canceller: CommandCanceller;
  readonly journal: Journal;
  readonly outbox: {
    /** Sends messages that are in the journal. */
    send(messages: readonly Pending[]): void;
    /** Sends a message that is not, at once; whether that was possible. */
    publishNow(message: Message): boolean;
  };
  readonly settings: { readonly maxCommandSize: number };
  /** The names of the commands that can be run. */
  readonly kinds: readonly string[];
  readonly logger: Logger;
  /** Who answers now. */
  address(): ReplyAddress;
  /** The output of `status`. */
  status(): string;
  /** Takes no new commands, and stops the node when all is done. */
  drain(): void;
}

/** Receives commands. */
export class CommandReceiver {
  readonly #parts: CommandReceiverParts;

  /** Makes a receiver. */
  constructor(parts: CommandReceiverParts) {
    this.#parts = parts;
  }

  /**
   * Receives a message. Resolves when what follows from it is on disk, so that it may be acknowledged;
   * rejects when it cannot be stored.
   */
  async receive(message: CommandMessage): Promise<void> {
    const { topic, payload, retained } = message;
    const { settings, logger } = this.#parts;
    if (retained) {
      // It would run again at every start: nobody means that.
      logger.warn(
        `Ignored a retained message on ${quoted(topic)}: publish commands without retain`,
      );
      return;
    }
    const decoded = decodeCommand(payload, settings.maxCommandSize);
    if (message.isBroadcast && !isStatus(decoded)) {
      logger.warn(`Ignored a message on ${quoted(topic)}: it does not ask for the status`);
      return;
    }
    switch (decoded.type) {
      case "response":
        return;
      case "invalid": {
        const { requestId, reason } = decoded;
        const to = this.#addressFor(message);
        if (requestId === undefined && to.requester === undefined) {
          logger.warn(`Ignored a message on ${quoted(topic)}: it ${reason}`);
          return;
        }
        logger.warn(`Refused a message on ${quoted(topic)}: it ${reason}`);
        const error = `Invalid command: the message ${reason}`;
        return await this.#post(answers(to, requestId, { error: redact(error) }));
      }
      case "command": {
        // They must not appear in anything that is logged or answered meanwhile.
        const release = decoded.tokens.map(holdSecret);
        try {
          return await this.#dispatch(decoded.command, message);
        } finally {
          for (const stopMasking of release) stopMasking();
        }
      }
    }
  }

  async #dispatch(command: DecodedCommand, message: CommandMessage): Promise<void> {
    const { acceptor, status, drain, canceller, logger, outbox } = this.#parts;
    const to = this.#addressFor(message);
    const { name, requestId, params } = command;
    if (this.#isKind(name)) {
      const offer = { kind: name, requestId, params, message };
      await acceptor.offer(offer, to);
      return;
    }
    switch (name) {
      case "status": {
        // It needs no journal: it reaches the broker before the acknowledgement of the command does.
        const replies = answers(to, requestId, { output: status() });
        const left = replies.filter((reply) => !outbox.publishNow(reply));
        return left.length > 0 ? await this.#post(left) : undefined;
      }
      case "drain": {
        const output = "The node takes no new commands, and stops when all is done";
        await this.#post(answers(to, requestId, { output }));
        return drain();
      }
      case "cancel":
        return await this.#post(answers(to, requestId, await canceller.cancel(params)));
      case "workload_received":
        return await this.#receiveWorkload(command, message, to);
      default: {
        const error = redact(`Unknown command: ${name}`);
        logger.warn(`Refused an unknown command: ${quoted(name)}`);
        return await this.#post(answers(to, requestId, { error }));
      }
    }
  }

  /** Runs what the platform announces, if it says what that is. */
  async #receiveWorkload(
    command: DecodedCommand,
    message: CommandMessage,
    to: ReplyAddress,
  ): Promise<void> {
    const { acceptor } = this.#parts;
    const { requestId } = command;
    const read = readAnnouncement(command.params, (name) => this.#isKind(name));
    const { workloadUuid } = read;
    if ("error" in read) {
      const refused = { name: "workload_received", requestId, workloadUuid };
      return await acceptor.refuse(refused, to, redact(read.error));
    }
    const { kind, params } = read;
    if (kind === undefined) {
      const output = `Workload ${workloadUuid} received and acknowledged`;
      return await this.#post(answers(to, requestId, { output }));
    }
    await acceptor.offer({ kind, requestId, params, message }, to);
  }

  /** Whether commands of that name are run, or would be if they were configured. */
  #isKind(name: string): boolean {
    return isWorkloadKind(name) || this.#parts.kinds.includes(name);
  }

  /** Where a message is answered. */
  #addressFor(message: CommandMessage): ReplyAddress {
    const address = this.#parts.address();
    const requester = readRequester(message, address.topic);
    if (requester === undefined || !("problem" in requester)) return { ...address, requester };
    this.#parts.logger.warn(`No reply to a requester of its own: ${requester.problem}`);
    return address;
  }

  async #post(messages: readonly Message[]): Promise<void> {
    const { journal, outbox } = this.#parts;
    outbox.send(
      await journal.commit(() => messages.map((message) => journal.messages.post(message))),
    );
  }
}

function isStatus(decoded: ReturnType<typeof decodeCommand>): boolean {
  return decoded.type === "command" && decoded.command.name === "status";
}
