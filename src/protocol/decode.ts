/**
 * From the bytes of an MQTT message to a command, or to the reason why it is none.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import {
  isJsonNumber,
  isJsonObject,
  type JsonNumber,
  type JsonObject,
  jsonTypeOf,
  nestingDepth,
  parseLossless,
  salvageString,
} from "./json.ts";

/** The id under which a sender waits for its reply. A number is malformed, but can be answered. */
export type RequestId = string | JsonNumber;

/** A well-formed command. */
export interface Command {
  /** What to do: `inference`, `training`, `status`, ... or a name this node does not know. */
  readonly name: string;
  /** The sender's id for it; `undefined` when the sender gave none. */
  readonly requestId: string | undefined;
  /** Its parameters; `{}` when there were none. */
  readonly params: JsonObject;
}

/** What a message turned out to be. */
export type Decoded =
  | { readonly type: "command"; readonly command: Command }
  /** Somebody's response, which is not for us. */
  | { readonly type: "response" }
  /** Malformed. `requestId` is there when it could be read all the same. */
  | { readonly type: "invalid"; readonly reason: string; readonly requestId?: RequestId };

/** Deeper nesting than this is an attack, not a parameter. */
const MAX_DEPTH = 200;

/** More than this in an id is not an id. */
const MAX_REQUEST_ID_LENGTH = 1_000;

/** Decodes the payload of a message on a command topic. */
export function decodeCommand(payload: Uint8Array, maxBytes: number): Decoded {
  if (payload.length > maxBytes) {
    const reason = `is ${payload.length} bytes, more than max_command_size (${maxBytes})`;
    return invalid(reason, new TextDecoder().decode(payload.subarray(0, 64 * 1024)));
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch {
    return invalid("is not valid UTF-8", new TextDecoder().decode(payload));
  }
  if (nestingDepth(text) > MAX_DEPTH) {
    return invalid(`is nested more than ${MAX_DEPTH} levels deep`, text);
  }
  let message: unknown;
  try {
    message = parseLossless(text);
  } catch (error) {
    return invalid(`is not JSON: ${withoutExcerpt((error as Error).message)}`, text);
  }
  if (!isJsonObject(message)) {
    return { type: "invalid", reason: `must be a JSON object, got ${jsonTypeOf(message)}` };
  }
  return decodeMessage(message);
}

function decodeMessage(message: JsonObject): Decoded {
  if (Object.hasOwn(message, "status")) return { type: "response" };
  const { command: name, request_id: id, params = {} } = message;
  if (id !== undefined && id !== null && typeof id !== "string") {
    return {
      type: "invalid",
      reason: `has a "request_id" that is ${jsonTypeOf(id)}, not a string`,
      ...(isJsonNumber(id) && { requestId: id }),
    };
  }
  if (typeof id === "string" && id.length > MAX_REQUEST_ID_LENGTH) {
    return {
      type: "invalid",
      reason: `has a "request_id" longer than ${MAX_REQUEST_ID_LENGTH} characters`,
    };
  }
  const requestId = id ?? undefined;
  const problem = (reason: string): Decoded => ({ type: "invalid", reason, requestId });
  if (name === undefined) return problem('has no "command"');
  if (typeof name !== "string" || name === "") {
    return problem(`has a "command" that is not a name: ${quoted(name)}`);
  }
  if (!isJsonObject(params)) {
    return problem(`has "params" that are ${jsonTypeOf(params)}, not an object`);
  }
  return { type: "command", command: { name, requestId, params } };
}

/** A message of `JSON.parse()` without the piece of the text in it, which may be one of a secret. */
function withoutExcerpt(message: string): string {
  return message.replace(/,? *(\.\.\.)?"[^]*"(\.\.\.)? is not valid JSON$/, "");
}

function invalid(reason: string, text: string): Decoded {
  const requestId = salvageString(text, "request_id");
  const usable = requestId !== undefined && requestId.length <= MAX_REQUEST_ID_LENGTH;
  return { type: "invalid", reason, ...(usable && { requestId }) };
}
