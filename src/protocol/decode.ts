/**
 * From the bytes of an MQTT message to a command, or to the reason why it is not one.
 *
 * @module
 */
import { jsonTypeOf, type RawNumber, rawNumber } from "./json.ts";
import { ObjectText } from "./object_text.ts";
import { salvageString } from "./salvage.ts";

/** The id under which a sender waits for its reply. A number is malformed, but can be answered. */
export type RequestId = string | number | RawNumber;

/** A well-formed command. */
export interface DecodedCommand {
  /** What to do: `inference`, `training`, `status`, ... or a name this node does not know. */
  readonly name: string;
  /** The sender's id for it; `undefined` when the sender gave none. */
  readonly requestId: string | undefined;
  /** Its parameters, as they were written; `{}` when there were none. */
  readonly params: ObjectText;
}

/** What a message turned out to be. */
export type Decoded =
  /** `tokens` are all that stand in the message, wherever that is. */
  | {
    readonly type: "command";
    readonly command: DecodedCommand;
    readonly tokens: readonly string[];
  }
  /** Somebody's response, which is not for us. */
  | { readonly type: "response" }
  /** Malformed. `requestId` is there when it could be read all the same. */
  | { readonly type: "invalid"; readonly reason: string; readonly requestId?: RequestId };

/** The member that holds the token for one workload, wherever it stands in a message. */
export const TOKEN_PARAM = "cyberwave_workload_token";

const UTF_8 = new TextDecoder("utf-8", { fatal: true });

/** More than this in an id is not an id. */
const MAX_REQUEST_ID_LENGTH = 1_000;

/** A command is for one workload. Each token in it costs every line of the log some time. */
const MAX_TOKENS = 10;

/**
 * Decodes the payload of a message on a command topic. No reason repeats anything of the payload.
 */
export function decodeCommand(payload: Uint8Array, maxBytes: number): Decoded {
  if (payload.length > maxBytes) {
    const reason = `is ${payload.length} bytes, more than max_command_size (${maxBytes})`;
    return unreadable(reason, new TextDecoder().decode(payload.subarray(0, 64 * 1024)));
  }
  let text: string;
  try {
    text = UTF_8.decode(payload);
  } catch {
    return unreadable("is not valid UTF-8", new TextDecoder().decode(payload));
  }
  try {
    const message = ObjectText.parse(text);
    return message === undefined
      ? invalid(`must be a JSON object, got ${jsonTypeOf(text)}`)
      : decodeMessage(message);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return unreadable(error.message, text);
  }
}

function decodeMessage(message: ObjectText): Decoded {
  if (message.has("status")) return { type: "response" };
  const idText = message.textOf("request_id") ?? "null";
  const idType = jsonTypeOf(idText);
  if (idType === "a number") {
    return invalid('has a "request_id" that is a number, not a string', rawNumber(idText));
  }
  if (idType !== "a string" && idType !== "null") {
    return invalid(`has a "request_id" that is ${idType}, not a string`);
  }
  const requestId: string | undefined = JSON.parse(idText) ?? undefined;
  if (requestId !== undefined && requestId.length > MAX_REQUEST_ID_LENGTH) {
    return invalid(`has a "request_id" longer than ${MAX_REQUEST_ID_LENGTH} characters`);
  }
  const nameText = message.textOf("command");
  if (nameText === undefined) return invalid('has no "command"', requestId);
  if (jsonTypeOf(nameText) !== "a string") {
    return invalid(`has a "command" that is ${jsonTypeOf(nameText)}, not a name`, requestId);
  }
  if (nameText === '""') return invalid('has an empty "command"', requestId);
  const params = message.has("params") ? message.object("params") : ObjectText.EMPTY;
  if (params === undefined) {
    const type = jsonTypeOf(message.textOf("params")!);
    return invalid(`has "params" that are ${type}, not an object`, requestId);
  }
  const tokens = message.nested(TOKEN_PARAM);
  if (tokens.length > MAX_TOKENS) {
    return invalid(`holds more than ${MAX_TOKENS} workload tokens`, requestId);
  }
  return {
    type: "command",
    command: { name: JSON.parse(nameText), requestId, params },
    tokens: [...new Set(tokens.filter((token) => typeof token === "string"))],
  };
}

function invalid(reason: string, requestId?: RequestId): Decoded {
  return { type: "invalid", reason, requestId };
}

/** A message of which at most the request id can be read. */
function unreadable(reason: string, text: string): Decoded {
  const requestId = salvageString(text, "request_id");
  const usable = requestId !== undefined && requestId.length <= MAX_REQUEST_ID_LENGTH;
  return invalid(reason, usable ? requestId : undefined);
}
