/**
 * Opens network connections to brokers.
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
  /** TLS, if it is to be used: with the authorities in `ca` (PEM), or those Deno trusts. */
  readonly tls?: { readonly ca?: string };
}

/** Starts to connect. `connect`, or with TLS `secureConnect`, tells that it succeeded. */
export function openSocket(
  { host, port, tls: secure }: Endpoint,
): net.Socket {
  // Nagle's algorithm would hold back small packets until the broker's delayed acknowledgement,
  // which costs 40 ms.
  if (!secure) return net.connect({ host, port, noDelay: true });
  const servername = net.isIP(host) === 0 ? host : undefined;
  const socket = tls.connect({ host, port, servername, ca: secure.ca });
  socket.once("secureConnect", () => socket.setNoDelay(true));
  return socket;
}
