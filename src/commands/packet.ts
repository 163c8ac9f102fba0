/**
 * The packet that brought a command: it shows whether a command without a request id was delivered
 * before.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** Marks packets of the session with the pool, which has numbers of its own. */
const POOLED = "pool:";

/** A message on a command topic. */
export interface CommandMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Whether the broker kept it for subscribers to come, so that it may be old. */
  readonly retained: boolean;
  /** Whether the broker says that it delivers it again. */
  readonly dup: boolean;
  /** Its packet identifier, which a broker uses for one message at a time. */
  readonly packetId: number | undefined;
  /** The MQTT session that numbered it: 0 for one that began before this node was started. */
  readonly session: number;
  /** Whether it was sent to a pool: no other node will get it, so a full node accepts it, too. */
  readonly isPooled?: boolean;
  /** Whether all nodes of a pool get it: then they answer only `status`. */
  readonly isBroadcast?: boolean;
  /** What MQTT 5 carries beside. */
  readonly properties?: {
    readonly responseTopic?: string;
    readonly correlationData?: Uint8Array;
    readonly userProperties?: Readonly<Record<string, unknown>>;
  };
}

/** What identifies a message in each of its deliveries; `undefined`: nothing does. */
export function packetOf({ packetId, payload, isPooled }: CommandMessage): string | undefined {
  if (packetId === undefined) return undefined;
  const packet = `${packetId}:${createHash("sha256").update(payload).digest("hex")}`;
  return isPooled ? `${POOLED}${packet}` : packet;
}
