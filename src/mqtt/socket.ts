/**
 * Network connections to brokers.
 *
 * @module
 */
import * as net from "node:net";
import * as tls from "node:tls";
import type { Endpoint } from "./endpoint.ts";

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
