/**
 * From the outcome of a command to the message that answers it.
 *
 * @module
 */
import type { Message } from "../journal/messages.ts";
import type { RequestId } from "../protocol/decode.ts";
import type { WorkloadKind } from "../protocol/kinds.ts";
import {
  encodeLongReply,
  encodeReply,
  errorReply,
  type LongExcerpt,
  okReply,
  whole,
} from "../protocol/response.ts";
import type { WorkloadFolder } from "../workloads/folder.ts";
import type { Command } from "./command.ts";
import type { Outcome } from "./outcome.ts";

/** Who answers, and where. */
export interface ReplyAddress {
  readonly slug: string;
  readonly uuid: string;
  readonly topic: string;
}

/** The answer to a command that did not become a workload. */
export function answer(
  address: ReplyAddress,
  requestId: RequestId | undefined,
  result: { readonly output: string } | { readonly error: string },
): Message {
  const reply = "output" in result
    ? okReply(address, requestId, whole(result.output))
    : errorReply(address, requestId, whole(result.error));
  return { topic: address.topic, payload: encodeReply(reply) };
}

/** The answer to a command that did. */
export function replyTo(
  command: Command,
  outcome: Outcome,
  folder: WorkloadFolder,
  maxOutput: number,
): Message {
  return { topic: command.replyTopic, payload: payloadFor(command, outcome, folder, maxOutput) };
}

function payloadFor(
  { slug, instanceUuid, requestId }: Command,
  outcome: Outcome,
  folder: WorkloadFolder,
  maxOutput: number,
): Uint8Array {
  const from = { slug, uuid: instanceUuid };
  if (outcome.status === "ok") {
    return encodeLongReply(okReply(from, requestId, whole("")), folder.read("stdout", maxOutput));
  }
  const error = outcome.source === "node" ? outcome.error : outcome.fallback;
  const stderr = folder.read("stderr", maxOutput);
  if (outcome.source === "node" || isBlank(stderr)) {
    return encodeReply(errorReply(from, requestId, whole(error)));
  }
  return encodeLongReply(errorReply(from, requestId, whole("")), stderr);
}

function isBlank({ pieces }: LongExcerpt): boolean {
  for (const piece of pieces) if (piece.trim() !== "") return false;
  return true;
}

/** The error of a command for which there is no template. */
export function notConfigured(kind: WorkloadKind): string {
  return `${kind[0].toUpperCase()}${kind.slice(1)} command not configured in cyberwave.yml`;
}
