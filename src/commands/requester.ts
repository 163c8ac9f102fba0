/**
 * Where the sender of a command wants its reply, beside the topic of the node.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import type { Requester } from "../journal/requesters.ts";
import { requesterTopicProblem } from "../protocol/topics.ts";
import type { CommandMessage } from "./packet.ts";

/** The most bytes of correlation data. */
const MAX_CORRELATION_BYTES = 4_096;

/** Reads it, or says why there is no reply there; `undefined`: the sender wants none. */
export function readRequester(
  { properties }: Pick<CommandMessage, "properties">,
  ownTopic: string,
): Requester | { readonly problem: string } | undefined {
  const { responseTopic: topic, correlationData } = properties ?? {};
  if (topic === undefined) return undefined;
  const problem = requesterTopicProblem(topic, ownTopic);
  if (problem !== undefined) return { problem: `its response topic ${quoted(topic)} ${problem}` };
  if (correlationData === undefined) return { topic };
  if (correlationData.length > MAX_CORRELATION_BYTES) {
    return { problem: `its correlation data is larger than ${MAX_CORRELATION_BYTES} bytes` };
  }
  return { topic, correlationData };
}
