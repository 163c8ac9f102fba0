/**
 * What is published over a connection to the broker.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Inbound, MessageProperties, MqttConnection } from "../mqtt/connection.ts";
import { quoted } from "../errors.ts";
import type { Publisher } from "../outbox/outbox.ts";
import type { Logger } from "../log.ts";
import { fitReply } from "../protocol/response.ts";

/** How the status of a workload becomes a request to the platform. */
export interface StatusRequest {
  /** The token in use, which may be replaced. */
  readonly token: { readonly value: string };
  /** Where the platform answers it. */
  readonly responseTopic: string;
}

/** Whether the statuses of a workload go to this topic. */
export function isStatusTopic(topic: string): boolean {
  return /cyberwave\/cloud-workload\/[^/]+\/update-status$/.test(topic);
}

/** What correlation data takes beside itself: its kind and its length. */
const CORRELATION_HEADER = 3;

/** Publishes replies and statuses over a connection. */
export function publisherOver(connection: MqttConnection, request: StatusRequest): Publisher {
  return {
    get connected() {
      return connection.connected;
    },
    get receiveMaximum() {
      return connection.receiveMaximum;
    },
    async publish(topic, payload, correlationData) {
      if (isStatusTopic(topic)) {
        await connection.publish(topic, payload, { properties: requestProperties(request) });
        return;
      }
      const room = (connection.maxPacketSize ?? Infinity) - CORRELATION_HEADER -
        (correlationData?.length ?? 0);
      const properties = correlationData && { correlationData: Buffer.from(correlationData) };
      await connection.publish(topic, fitReply(payload, topic, room), { properties });
    },
  };
}

/**
 * The token is added here, because messages that wait for delivery are on disk, where no token
 * belongs.
 */
function requestProperties({ token, responseTopic }: StatusRequest): MessageProperties {
  return {
    responseTopic,
    correlationData: Buffer.from(crypto.getRandomValues(new Uint8Array(16))),
    userProperties: { "X-API-Token": token.value },
  };
}

/** Warns when the platform answers that it did not accept a status. */
export function reportRefusedStatus({ payload }: Inbound, logger: Logger): void {
  let answer: unknown;
  try {
    answer = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return;
  }
  const { success, message } = (answer ?? {}) as { success?: unknown; message?: unknown };
  if (success !== false) return;
  const why = typeof message === "string" ? quoted(message) : "without a reason";
  logger.warn(`The platform did not take the status of a workload: ${why}`);
}
