/**
 * The MQTT topics of a node.
 *
 * @module
 */

/** What stands in front of every topic: nothing in production, else the environment's name. */
export function topicPrefix(environment: string): string {
  return environment === "" || environment.toLowerCase() === "production" ? "" : environment;
}

/** Where commands for a node arrive. `address` is its UUID or its slug. */
export function commandTopic(prefix: string, address: string): string {
  return `${prefix}cyberwave/cloud-node/${address}/command`;
}

/** Where a node publishes its replies. */
export function responseTopic(prefix: string, instanceUuid: string): string {
  return `${prefix}cyberwave/cloud-node/${instanceUuid}/response`;
}
