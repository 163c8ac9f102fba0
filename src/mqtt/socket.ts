/**
 * Network connections to brokers.
 *
 * @module
 */
import * as net from "node:net";
import * as tls from "node:tls";

/** Where a broker listens. */
export interface Endpoint {
  /** Host name or address. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
  /** TLS, if it is to be used. */
  readonly tls?: TlsOptions;
}

/** How to speak TLS. */
interface TlsOptions {
  /**
   * The authorities to trust, as PEM: read at each connect, since they may be exchanged. Throws when
   * they cannot be read. Default: those that Deno trusts.
   */
  readonly ca?: () => string;
}

/** A server as it stands in messages: `host:port`, or `[address]:port` for IPv6. */
export function hostAndPort({ host, port }: Pick<Endpoint, "host" | "port">): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** A broker as it stands in messages: `mqtt://host:port`, or `mqtts://` with TLS. */
export function urlOf(broker: Endpoint): string {
  return `${broker.tls ? "mqtts" : "mqtt"}://${hostAndPort(broker)}`;
}

/**
 * Starts to connect. The socket emits `connect`, or with TLS `secureConnect`, when it is connected,
 * and `error` when it is not.
 */
export function openSocket({ host, port, tls: secure }: Endpoint): net.Socket {
  // Nagle's algorithm would hold back small packets until the broker's delayed acknowledgement,
  // which costs 40 ms.
  if (!secure) return net.connect({ host, port, noDelay: true });
  let ca: string | undefined;
  try {
    ca = secure.ca?.();
  } catch (error) {
    return new net.Socket().destroy(error as Error);
  }
  const servername = net.isIP(host) === 0 ? host : undefined;
  const socket = tls.connect({ host, port, servername, ca });
  socket.once("secureConnect", () => socket.setNoDelay(true));
  return socket;
}
