/**
 * A broker, and what the MQTT library has to know to connect to it.
 *
 * @module
 */
import type { ProtocolVersion } from "./failure.ts";
import type { IClientOptions } from "./library.ts";
import type { Endpoint } from "./endpoint.ts";

/** Where a broker is and how it knows this client. */
export interface Broker extends Endpoint {
  /** The name of the session that the broker keeps for this client. */
  readonly clientId: string;
  /** The user name, if the broker wants one. */
  readonly username?: string;
  /** The password, if the broker wants one. */
  readonly password?: string;
  /**
   * When the broker forgets this client: `true`, as soon as the link is closed; `"when ended"`, only
   * when this side closes it, where MQTT 5 allows that. Default: `false`, an hour after it is closed.
   */
  readonly forget?: boolean | "when ended";
}

const SESSION_EXPIRY_SECONDS = 3_600;
const KEEPALIVE_SECONDS = 30;
const CONNECT_TIMEOUT_MS = 30_000;

/** How many messages a broker that speaks MQTT 5 may send before the first is acknowledged. */
const RECEIVE_MAXIMUM = 256;

/** Whether the broker forgets a client whose link is closed, however that comes. */
function forgetsAtClose({ forget = false }: Broker, version: ProtocolVersion): boolean {
  return forget === "when ended" ? version === 4 : forget;
}

// DISCONNECT is the same in MQTT 5 and 3.1.1, but that only 5 can end the session with it.
const DISCONNECT = new Uint8Array([0xe0, 0x00]);
const DISCONNECT_FOR_GOOD = new Uint8Array([0xe0, 0x07, 0x00, 0x05, 0x11, 0, 0, 0, 0]);

/** The packet with which this side closes a link. */
export function disconnectPacket({ forget }: Broker, version: ProtocolVersion): Uint8Array {
  return forget === "when ended" && version === 5 ? DISCONNECT_FOR_GOOD : DISCONNECT;
}

/** The options of mqtt.js for a connection that is made once. */
export function connectOptions(broker: Broker, version: ProtocolVersion): IClientOptions {
  const forget = forgetsAtClose(broker, version);
  return {
    protocolVersion: version,
    clientId: broker.clientId,
    username: broker.username,
    password: broker.password,
    clean: forget,
    properties: version === 5
      ? {
        receiveMaximum: RECEIVE_MAXIMUM,
        ...(!forget && { sessionExpiryInterval: SESSION_EXPIRY_SECONDS }),
      }
      : undefined,
    keepalive: KEEPALIVE_SECONDS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    // It would keep a buffer for each of 65,536 numbers, 11 MiB; a client uses few of them.
    writeCache: false,
    log: () => {},
  };
}
