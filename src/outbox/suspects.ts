/**
 * Messages over which the broker may have closed the connection. One that it cannot take would be
 * sent first over each new connection, and nothing would ever get past it.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { Pending } from "../journal/messages.ts";
import type { Logger } from "../log.ts";
import { encodeReply, type Reply } from "../protocol/response.ts";
import { errorInPlaceOf, readReply } from "../protocol/shortened_reply.ts";

/** How a message is treated. */
type Treatment = "sent" | "sent alone" | "cut" | "replaced" | "set aside";

/** How many closings in a row make a message suspicious. */
const SUSPICIOUS = 3;

/** After `closings` in a row of the connection over which a message was in flight. */
export function treatmentAfter(closings: number, isReply: boolean): Treatment {
  if (closings < SUSPICIOUS) return "sent";
  if (closings === SUSPICIOUS) return "sent alone";
  if (!isReply) return "set aside";
  if (closings === SUSPICIOUS + 1) return "cut";
  return closings === SUSPICIOUS + 2 ? "replaced" : "set aside";
}

/** What a reply that is cut takes at most. */
const CUT_BYTES = 16 * 1024;

const CANNOT_BE_DELIVERED = "The reply cannot be delivered: the broker closes the connection " +
  "whenever it is sent. The node has the workload's output";

/** Counts the closings of the connection that each message was in flight at. */
export class Suspects {
  readonly #logger: Logger;
  readonly #closings = new Map<number, number>();

  /** Begins with none. */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Whether messages go one at a time, so that it turns out which of them is to blame. */
  get areSentAlone(): boolean {
    return this.#closings.values().some((closings) => closings >= SUSPICIOUS);
  }

  /** The broker closed the connection while this message was in flight. */
  add(message: Pending): void {
    const closings = (this.#closings.get(message.seq) ?? 0) + 1;
    this.#closings.set(message.seq, closings);
    if (closings < SUSPICIOUS) return;
    const reply = readReply(message.payload);
    const treatment = treatmentAfter(closings, reply !== undefined);
    const level = treatment === "replaced" || treatment === "set aside" ? "error" : "warn";
    this.#logger[level](
      `The broker closed the connection ${closings} times in a row while ${
        nameOf(message, reply)
      } was in flight; ${consequence(treatment)}`,
    );
  }

  /** The broker has answered this message. */
  remove({ seq }: Pending): void {
    this.#closings.delete(seq);
  }

  /** What is sent of a message; `undefined`: it is set aside. */
  payloadOf({ seq, payload }: Pending): Uint8Array | undefined {
    const closings = this.#closings.get(seq) ?? 0;
    if (closings <= SUSPICIOUS) return payload;
    const reply = readReply(payload);
    switch (treatmentAfter(closings, reply !== undefined)) {
      case "cut":
        return encodeReply(reply!, Math.min(CUT_BYTES, payload.length / 2));
      case "replaced":
        return errorInPlaceOf(reply!, CANNOT_BE_DELIVERED);
      case "set aside":
        return undefined;
      default:
        return payload;
    }
  }
}

function nameOf({ topic, payload }: Pending, reply: Reply | undefined): string {
  const what = reply === undefined
    ? "a message"
    : `the reply to ${reply.request_id === null ? "a command" : quoted(reply.request_id)}`;
  return `${what} on ${quoted(topic)} (${payload.length} bytes)`;
}

function consequence(treatment: Treatment): string {
  switch (treatment) {
    case "cut":
      return "cutting its text";
    case "replaced":
      return "sending a short error in its place";
    case "set aside":
      return "it is not sent again";
    default:
      return "sending it alone";
  }
}
