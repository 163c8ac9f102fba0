/**
 * What is sent in place of a reply that is too much for a broker.
 *
 * @module
 */
import { isJsonObject } from "./json.ts";
import { encodeReply, errorReply, parseReply, type Reply, whole } from "./response.ts";

const decoder = new TextDecoder();

/** The reply in `payload`; `undefined` when it holds something else. */
export function readReply(payload: Uint8Array): Reply | undefined {
  try {
    const reply = parseReply(decoder.decode(payload));
    if (!isJsonObject(reply) || !("request_id" in reply)) return undefined;
    const { status, output, error } = reply;
    const isReply = (status === "ok" && typeof output === "string") ||
      (status === "error" && typeof error === "string");
    return isReply ? reply as Reply : undefined;
  } catch {
    return undefined;
  }
}

/** An error reply of a few hundred bytes that answers the same command as `reply`. */
export function errorInPlaceOf(reply: Reply, why: string): Uint8Array {
  const { slug, instance_uuid: uuid, request_id: requestId } = reply;
  return encodeReply(errorReply({ slug, uuid }, requestId ?? undefined, whole(why)));
}
