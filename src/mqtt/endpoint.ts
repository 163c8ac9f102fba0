/**
 * Where brokers are. Pure: whoever only names one loads nothing of Node's network.
 *
 * @module
 */

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
