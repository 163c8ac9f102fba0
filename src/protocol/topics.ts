/**
 * The MQTT topics of a node.
 *
 * @module
 */
import { isMqttText } from "./identifiers.ts";

/** Why nothing can be published on `topic`; `undefined` when it can. */
export function topicProblem(topic: string): string | undefined {
  if (topic === "") return "is empty";
  if (/[+#]/.test(topic)) return "holds a wildcard";
  if (!isMqttText(topic)) return "holds control characters or noncharacters";
  if (encoder.encode(topic).length > MAX_TOPIC_BYTES) return "is too long";
  return undefined;
}

/** Whether a topic is none on which nodes and the platform exchange commands, replies and reports. */
export function isForeignTopic(topic: string): boolean {
  return !topic.includes("cyberwave/cloud-");
}

/**
 * Why a requester cannot get replies on `topic`; `undefined` when it can. `own` is the topic of the
 * node's replies: any other of the platform's would let senders reply in its name.
 */
export function requesterTopicProblem(topic: string, own: string): string | undefined {
  if (topic.length > MAX_REQUESTER_TOPIC) return "is too long";
  if (topic.startsWith("$")) return "belongs to the broker";
  if (topic !== own && !isForeignTopic(topic)) return "belongs to the platform";
  return topicProblem(topic);
}

const MAX_REQUESTER_TOPIC = 1_000;
const encoder = new TextEncoder();
const MAX_TOPIC_BYTES = 65_535;

/** What stands in front of every topic: nothing in production, else the environment's name. */
export function topicPrefix(environment: string): string {
  return environment === "" || environment.toLowerCase() === "production" ? "" : environment;
}

/** Where commands for a node arrive. `address` is its UUID or its slug. */
export function commandTopic(prefix: string, address: string): string {
  return `${prefix}cyberwave/cloud-node/${address}/command`;
}

/** Where commands for a pool arrive, each of which one of its nodes takes. */
export function poolTopic(prefix: string, pool: string): string {
  return commandTopic(prefix, `pool/${pool}`);
}

/** Where all nodes of a pool are asked for their status. */
export function poolStatusTopic(prefix: string, pool: string): string {
  return `${prefix}cyberwave/cloud-node/pool/${pool}/status`;
}

/** What the nodes of a pool subscribe to, so that each message goes to one of them. */
export function poolSubscription(prefix: string, pool: string): string {
  return `$share/${pool}/${poolTopic(prefix, pool)}`;
}

/** Where a node publishes its replies. */
export function responseTopic(prefix: string, instanceUuid: string): string {
  return `${prefix}cyberwave/cloud-node/${instanceUuid}/response`;
}

/** Where a node publishes how far the commands are that it runs. */
export function progressTopic(prefix: string, instanceUuid: string): string {
  return `${prefix}cyberwave/cloud-node/${instanceUuid}/progress`;
}

/** Where answers to the requests of an MQTT client arrive. */
export function clientResponseTopic(prefix: string, clientId: string): string {
  return `${prefix}cyberwave/response/${clientId}`;
}

/** Where a new instance is requested. The token in it is a secret. */
export function instanceRequestTopic(prefix: string, token: string): string {
  return `${prefix}cyberwave/cloud-node-token/${token}/request-instance`;
}

/** Where a node reports to the backend about its instance. */
export function instanceTopic(prefix: string, instanceUuid: string, action: string): string {
  return `${prefix}cyberwave/cloud-node/${instanceUuid}/${action}`;
}

/** Where a node reports to the platform about a workload, or asks about it. */
export function workloadTopic(prefix: string, workloadUuid: string, action: string): string {
  return `${prefix}cyberwave/cloud-workload/${workloadUuid}/${action}`;
}
