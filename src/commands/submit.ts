/**
 * Commands that come over HTTP: they are handled like others, but the decision is returned to the
 * caller, and the reply is only stored.
 *
 * @module
 */
import { NO_TOPIC } from "../journal/messages.ts";
import { holdSecret } from "../log.ts";
import { decodeCommand } from "../protocol/decode.ts";
import { isWorkloadKind } from "../protocol/kinds.ts";
import type { Acceptor, RefusalCode } from "./accept.ts";
import type { CommandMessage } from "./packet.ts";
import type { ReplyAddress } from "./reply.ts";

/** What commands are submitted with. */
interface SubmitParts {
  readonly acceptor: Pick<Acceptor, "offer">;
  readonly settings: { readonly maxCommandSize: number };
  /** The names of the commands that can be run. */
  readonly kinds: readonly string[];
  /** The identity that replies name now. */
  address(): ReplyAddress;
}

/** What a message carries beside: the trace it is part of. */
type UserProperties = Readonly<Record<string, unknown>>;

/** What has become of a command that was submitted. */
export type Submitted =
  | { readonly type: "accepted" | "repeated"; readonly id: string; readonly requestId: string }
  | { readonly type: "refused"; readonly code: RefusalCode; readonly why: string };

/**
 * Takes a command, as it would stand in a message with these user properties. Resolves when it is on
 * disk; rejects when it cannot be stored: then nothing has happened.
 */
export async function submitCommand(
  payload: Uint8Array,
  userProperties: UserProperties,
  parts: SubmitParts,
): Promise<Submitted> {
  const { acceptor, settings, kinds, address } = parts;
  const decoded = decodeCommand(payload, settings.maxCommandSize);
  if (decoded.type === "response") return invalid('The command has a "status", as replies have');
  if (decoded.type === "invalid") return invalid(`The command ${decoded.reason}`);
  const { name, requestId = crypto.randomUUID(), params } = decoded.command;
  if (!isWorkloadKind(name) && !kinds.includes(name)) {
    return invalid(`The command must be one that runs a workload: ${kinds.join(", ")}`);
  }
  // Tokens must not appear in anything that is logged meanwhile.
  const release = decoded.tokens.map(holdSecret);
  try {
    const offer = {
      kind: name,
      requestId,
      params,
      message: withoutBroker(payload, userProperties),
    };
    const decision = await acceptor.offer(offer, { ...address(), topic: NO_TOPIC });
    return decision.type === "refused" ? decision : { ...decision, requestId };
  } finally {
    for (const stopMasking of release) stopMasking();
  }
}

/** A message that no broker delivers, and none again. */
function withoutBroker(payload: Uint8Array, userProperties: UserProperties): CommandMessage {
  const isNew = { retained: false, dup: false, packetId: undefined, session: 0 };
  return { topic: NO_TOPIC, payload, ...isNew, properties: { userProperties } };
}

function invalid(why: string): Submitted {
  return { type: "refused", code: "invalid_request", why };
}
