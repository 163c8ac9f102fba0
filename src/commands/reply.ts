/**
 * From the outcome of a command to the message that answers it.
 *
 * @module
 */
import type { Message } from "../journal/messages.ts";
import type { CommandRecord } from "../journal/record.ts";
import type { Requester } from "../journal/requesters.ts";
import type { RequestId } from "../protocol/decode.ts";
import type { Resources } from "../protocol/resources.ts";
import {
  encodeLongReply,
  encodeReply,
  errorReply,
  type LongExcerpt,
  okReply,
  whole,
} from "../protocol/response.ts";
import type { WorkloadFolder } from "../workloads/folder.ts";
import { hasOutput, readOutput } from "../workloads/output.ts";
import type { Command } from "./command.ts";
import { howItEnded, type Outcome } from "./outcome.ts";

/** The identity that a reply names, and its topic. */
export interface ReplyAddress {
  readonly slug: string;
  readonly uuid: string;
  readonly topic: string;
  /** A sender who gets a copy of the reply. */
  readonly requester?: Requester;
}

/** A reply, and its copies for requesters. */
export function toAll(reply: Message, requesters: readonly (Requester | undefined)[]): Message[] {
  const copies = requesters.flatMap((to) => to === undefined ? [] : [{ ...reply, ...to }]);
  // A copy for the same topic replaces it, since it only has more properties.
  return copies.some(({ topic }) => topic === reply.topic) ? copies : [reply, ...copies];
}

/** The same answer for the node's topic and for the requester. */
export function answers(
  address: ReplyAddress,
  requestId: RequestId | undefined,
  result: { readonly output: string } | { readonly error: string },
): Message[] {
  return toAll(answer(address, requestId, result), [address.requester]);
}

/** The reply to a command that never ran. */
export function answer(
  address: ReplyAddress,
  requestId: RequestId | undefined,
  result: { readonly output: string } | { readonly error: string },
  resources?: Resources,
): Message {
  const reply = "output" in result
    ? okReply(address, requestId, whole(result.output), resources)
    : errorReply(address, requestId, whole(result.error), resources);
  return { topic: address.topic, payload: encodeReply(reply) };
}

/** The reply to a command that ran. */
export function replyTo(
  command: Command,
  outcome: Outcome,
  folder: WorkloadFolder,
  maxOutput: number,
): Message {
  const address = addressOf(command);
  const { topic } = address;
  const { requestId } = command;
  const { end: { resources } } = outcome;
  if (outcome.status === "ok") {
    if (!hasOutput(folder, "stdout")) {
      const reply = okReply(address, requestId, {
        text: "[the output was removed]",
        truncated: true,
      }, resources);
      return { topic, payload: encodeReply(reply) };
    }
    const stdout = readOutput(folder, "stdout", maxOutput);
    const reply = okReply(address, requestId, whole(""), resources);
    return { topic, payload: encodeLongReply(reply, stdout) };
  }
  if (outcome.source === "node") {
    return answer(address, requestId, { error: outcome.error }, resources);
  }
  const stderr = readOutput(folder, "stderr", maxOutput);
  const { fallback, note } = outcome;
  if (isBlank(stderr)) {
    const error = note === undefined ? fallback : `${fallback}\n${note}`;
    return answer(address, requestId, { error }, resources);
  }
  const reply = errorReply(address, requestId, whole(""), resources);
  return { topic, payload: encodeLongReply(reply, withNote(stderr, note)) };
}

/** The address of a reply: the identity under which the command was accepted. */
export function addressOf(
  { slug, instanceUuid, replyTopic }: Pick<Command, "slug" | "instanceUuid" | "replyTopic">,
): ReplyAddress {
  return { slug, uuid: instanceUuid, topic: replyTopic };
}

/** The answer to a repeated command whose reply is no longer kept: how it ended. */
export function replyNotKept(command: CommandRecord): Message {
  const { end, requestId } = command;
  const address = addressOf(command);
  const isOk = end?.cause === "exited" && end.exitCode === 0;
  const note = "the output is no longer kept";
  const reply = isOk
    ? okReply(address, requestId, { text: `[${note}]`, truncated: true })
    : errorReply(address, requestId, {
      text: `Command ${howItEnded(end!)}; ${note}`,
      truncated: true,
    });
  return { topic: address.topic, payload: encodeReply(reply) };
}

/** What a command printed, and a line of the node's own after that. */
function withNote(printed: LongExcerpt, note: string | undefined): LongExcerpt {
  if (note === undefined) return printed;
  const { pieces, size, truncated } = printed;
  const line = `\n[${note}]\n`;
  const all = {
    *[Symbol.iterator]() {
      yield* pieces;
      yield line;
    },
  };
  return { pieces: all, size: size + line.length, truncated };
}

function isBlank({ pieces }: LongExcerpt): boolean {
  for (const piece of pieces) if (piece.trim() !== "") return false;
  return true;
}

/** The error of a command for which there is no template. */
export function notConfigured(kind: string): string {
  return `${kind[0].toUpperCase()}${kind.slice(1)} command not configured in cyberwave.yml`;
}

/** How the log reports a refusal, in which untrusted text may be, at any length. */
export function refusalLine(name: string, why: string): string {
  return `Refused a command for ${name}: ${why.slice(0, 300)}`;
}
