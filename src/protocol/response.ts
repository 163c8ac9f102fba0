/**
 * Replies to commands.
 *
 * @module
 */

import type { RequestId } from "./decode.ts";
import { rawNumber } from "./json.ts";
import { type Resources, type ResourcesJson, resourcesJson } from "./resources.ts";

/** Who replies. */
interface ReplyFrom {
  /** The node's slug. */
  readonly slug: string;
  /** The node's UUID. */
  readonly uuid: string;
}

/** The reply to a command, as it is published. */
export type Reply =
  & {
    request_id: RequestId | null;
    slug: string;
    instance_uuid: string;
    resources?: ResourcesJson;
  }
  & (
    | { status: "ok"; output: string; output_truncated?: true }
    | { status: "error"; error: string; output_truncated?: true }
  );

/** Says that a command succeeded. */
export function okReply(
  from: ReplyFrom,
  requestId: RequestId | undefined,
  output: Excerpt,
  resources?: Resources,
): Reply {
  return {
    status: "ok",
    ...envelope(from, requestId, resources),
    output: output.text,
    ...(output.truncated && { output_truncated: true }),
  };
}

/** Says why a command failed. */
export function errorReply(
  from: ReplyFrom,
  requestId: RequestId | undefined,
  error: Excerpt,
  resources?: Resources,
): Reply {
  return {
    status: "error",
    ...envelope(from, requestId, resources),
    error: error.text,
    ...(error.truncated && { output_truncated: true }),
  };
}

/** Text, and whether something was cut out of it. */
export interface Excerpt {
  /** The text. */
  readonly text: string;
  /** Whether something was cut out of it. */
  readonly truncated: boolean;
}

/** Text that is read while it is used, so that it need not be in memory as a whole. */
export interface LongExcerpt {
  /** The text, cut anywhere. Can be read more than once. */
  readonly pieces: Iterable<string>;
  /** About how many bytes it takes. */
  readonly size: number;
  /** Whether something was cut out of it. */
  readonly truncated: boolean;
}

/** Text that is whole. */
export function whole(text: string): Excerpt {
  return { text, truncated: false };
}

function envelope(from: ReplyFrom, requestId: RequestId | undefined, used?: Resources) {
  const resources = resourcesJson(used);
  return {
    request_id: requestId ?? null,
    slug: from.slug,
    instance_uuid: from.uuid,
    ...(resources && { resources }),
  };
}

const encoder = new TextEncoder();

/**
 * `reply` as JSON of at most `maxBytes`, its output cut in the middle as far as that takes. A
 * broker refuses a larger packet, and may end the connection over it.
 */
export function encodeReply(reply: Reply, maxBytes: number = Infinity): Uint8Array {
  let encoded = encoder.encode(JSON.stringify(reply));
  let budget = reply.status === "ok" ? reply.output.length : reply.error.length;
  while (encoded.length > maxBytes && budget > 0) {
    // Escaping makes a character up to six bytes: aim at the ratio seen, and get there in a few steps.
    budget = Math.min(Math.floor(budget * (maxBytes / encoded.length) * 0.95), budget - 1);
    encoded = encoder.encode(JSON.stringify(withBudget(reply, budget)));
  }
  return encoded;
}

/** The same as `encodeReply()` with this text in `reply`, whose own is empty. */
export function encodeLongReply(
  reply: Reply,
  { pieces, size, truncated }: LongExcerpt,
): Uint8Array {
  const key = reply.status === "ok" ? "output" : "error";
  const empty = JSON.stringify(reply);
  const start = empty.lastIndexOf(`"${key}":""`) + key.length + 4;
  // Line breaks take two bytes each.
  const bytes = new ByteBuilder(empty.length + Math.ceil(1.05 * size) + 64);
  bytes.add(empty.slice(0, start));
  for (const piece of pieces) bytes.add(JSON.stringify(piece).slice(1, -1));
  bytes.add(truncated ? '","output_truncated":true}' : '"}');
  return bytes.result();
}

/** Text as UTF-8, in one buffer that grows where it turns out to be too small. */
class ByteBuilder {
  #buffer: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(expected: number) {
    this.#buffer = new Uint8Array(expected);
  }

  add(text: string): void {
    for (let rest = text; rest !== "";) {
      const { read, written } = encoder.encodeInto(rest, this.#buffer.subarray(this.#length));
      this.#length += written;
      rest = rest.slice(read);
      if (rest !== "") this.#grow(3 * rest.length);
    }
  }

  result(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(by: number): void {
    const larger = new Uint8Array(Math.ceil(1.25 * this.#length) + by);
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

function withBudget(reply: Reply, budget: number): Reply {
  const cut = (text: string) => cutMiddle(text, budget);
  return reply.status === "ok"
    ? { ...reply, output: cut(reply.output), output_truncated: true }
    : { ...reply, error: cut(reply.error), output_truncated: true };
}

/** Parses a reply. A request id that is a number stays as it was written. */
export function parseReply(text: string): unknown {
  return JSON.parse(text, (key, value, context?: { source?: string }) => {
    return key === "request_id" && typeof value === "number" ? rawNumber(context!.source!) : value;
  });
}

/** What a PUBLISH packet holds besides topic and payload, generously. */
const PACKET_OVERHEAD = 32;

/** The payload of a reply, cut so far that its packet is no larger than the broker allows. */
export function fitReply(payload: Uint8Array, topic: string, maxPacketSize: number): Uint8Array {
  const room = maxPacketSize - encoder.encode(topic).length - PACKET_OVERHEAD;
  if (payload.length <= room) return payload;
  return encodeReply(parseReply(new TextDecoder().decode(payload)) as Reply, room);
}

/** Finds the mark that stands where text was cut out. */
export const MARK_OF_A_CUT = /^\[\.\.\. .* cut out \.\.\.\]$/m;

/** The mark that stands where text was cut out. */
export function cutMark(omitted: string): string {
  return `\n[... ${omitted} cut out ...]\n`;
}

/** What a mark takes, generously. */
const MARK_ROOM = 48;

function cutMiddle(text: string, budget: number): string {
  const keep = Math.max(0, budget - MARK_ROOM);
  const mark = cutMark(`${text.length - keep} characters`);
  const head = text.slice(0, Math.ceil(keep / 2)).toWellFormed();
  const tail = keep > 1 ? text.slice(-Math.floor(keep / 2)).toWellFormed() : "";
  return head + mark + tail;
}
