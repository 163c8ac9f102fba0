/**
 * A broker, and what the MQTT library has to know to connect to it.
 *
 * @module
 */
import type { ProtocolVersion } from "./failure.ts";
import type { IClientOptions } from "./library.ts";
import type { Endpoint } from "./socket.ts";

/** Where a broker is and how it knows this client. */
export interface Broker extends Endpoint {
  /** The name of the session that the broker keeps for this client. */
  readonly clientId: string;
  /** The user name, if the broker wants one. */
  readonly username?: string;
  /** The password, if the broker wants one. */
  readonly password?: string;
  /** Whether the broker forgets this client when the link is closed. Default: `false`. */
  readonly forget?: boolean;
}

const SESSION_EXPIRY_SECONDS = 3_600;
const KEEPALIVE_SECONDS = 30;
const CONNECT_TIMEOUT_MS = 30_000;

/** How many messages a broker that speaks MQTT 5 may send before the first is acknowledged. */
const RECEIVE_MAXIMUM = 256;

/** The options of mqtt.js for a connection that is made once. */
export function connectOptions(broker: Broker, version: ProtocolVersion): IClientOptions {
  const { forget = false } = broker;
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
    log: () => {},
  };
}
