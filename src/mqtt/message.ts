/**
 * Messages from a broker, and what receives them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { IPublishPacket } from "./library.ts";

/** What MQTT 5 lets a message carry beside its payload. */
export type MessageProperties = NonNullable<IPublishPacket["properties"]>;

/** A message from the broker. */
export interface Inbound {
  /** The topic it was published on. */
  readonly topic: string;
  /** Its content. */
  readonly payload: Uint8Array;
  /** Whether the broker had kept it for subscribers to come, so that it may be old. */
  readonly retained: boolean;
  /** Whether the broker says that it may have delivered it before. Some never say so. */
  readonly dup: boolean;
  /** Its packet identifier, which is free again once it is acknowledged. None at QoS 0. */
  readonly packetId: number | undefined;
  /**
   * The session it belongs to, in which alone its packet identifier means something: 0 for one that
   * the broker kept from an earlier run of this program, then 1, 2, ... for each that began since.
   */
  readonly session: number;
  /** What it carries beside: `responseTopic`, `correlationData`, `userProperties` and more. */
  readonly properties?: MessageProperties;
}

/** Receives what comes from a broker. */
export interface Receiver {
  /**
   * Receives a message. It is acknowledged when the result has resolved, and so have those of all
   * messages before it. When it throws or rejects, neither this message nor any behind it is
   * acknowledged, and the connection is closed: the broker delivers them again.
   */
  onMessage(message: Inbound): Promise<void> | void;
}

/** A packet as a message of a session. */
export function inbound(packet: IPublishPacket, session: number): Inbound {
  const { topic, payload, retain, dup, properties } = packet;
  return {
    topic,
    payload: typeof payload === "string" ? Buffer.from(payload) : payload,
    retained: retain,
    dup,
    packetId: packetIdOf(packet),
    session,
    properties,
  };
}

/** The number by which a packet is acknowledged. */
export function packetIdOf({ qos, messageId }: IPublishPacket): number | undefined {
  return qos === 0 ? undefined : messageId;
}

/** How many bytes the properties of a message take. */
export function propertiesSize(
  { responseTopic, correlationData, userProperties, messageExpiryInterval }: MessageProperties = {},
): number {
  let size = messageExpiryInterval === undefined ? 0 : 5;
  if (responseTopic !== undefined) size += 3 + Buffer.byteLength(responseTopic);
  if (correlationData !== undefined) size += 3 + correlationData.length;
  for (const [name, value] of Object.entries(userProperties ?? {})) {
    for (const text of [value].flat()) {
      size += 5 + Buffer.byteLength(name) + Buffer.byteLength(text);
    }
  }
  return size;
}
