/**
 * Why a connection to a broker failed, in words. Pure.
 *
 * @module
 */
import { quoted } from "../errors.ts";
import { timeInWords } from "../time.ts";
import { type IConnackPacket, ReasonCodes } from "./library.ts";

/** Why there is no connection, or no longer one. */
export interface Failure {
  /**
   * What kind of failure it is:
   * - `outage`: the network or the broker fails, which is temporary.
   * - `storage`: this node could not store a message, which may pass.
   * - `trouble`: it stays until somebody changes something.
   * - `version`: the broker says that it does not speak this version of MQTT.
   * - `silence`: the broker closed the connection instead of answering. Brokers that don't know
   *   this version of MQTT do so, and load balancers in front of a broker that is down.
   */
  readonly kind: "outage" | "storage" | "trouble" | "version" | "silence";
  /** The reason, as a clause for a message. */
  readonly why: string;
  /** What to do about it, if there is anything. */
  readonly hint?: string;
  /** What of this client's the broker does not accept, where that is plain. */
  readonly refused?: "credentials" | "version";
  /**
   * How a connection ended, where that may be due to what was sent over it:
   * - `wordless`: the broker closed it and gave no reason.
   * - `protocol`: the broker closed it because of something that it was sent.
   * - `unanswered`: the broker did not answer something that it was sent.
   */
  readonly closing?: "wordless" | "protocol" | "unanswered";
}

/** The broker closed the connection and gave no reason. */
export const CLOSED_WITHOUT_REASON: Failure = {
  kind: "outage",
  why: "the broker closed the connection",
  closing: "wordless",
};

/** What a failure's text may name. */
export interface Target {
  /** The broker's host name or address. */
  readonly host: string;
  /** The user name given to the broker, if any. */
  readonly username?: string;
  /** What the server is called. Default: `the broker`. */
  readonly server?: string;
}

/** A version of MQTT, as it stands in a CONNECT packet: 4 is 3.1.1. */
export type ProtocolVersion = 4 | 5;

/**
 * What `failure` is to a client that cannot do without MQTT 5. Silence proves nothing: it may be a
 * broker that is down behind a load balancer.
 */
export function withoutFallback(failure: Failure): Failure {
  const hint = "where the broker speaks no MQTT 5, set control_plane: rest";
  switch (failure.kind) {
    case "version":
      return { kind: "trouble", why: "the broker does not speak MQTT 5", hint, refused: "version" };
    case "silence":
      return { ...failure, kind: "outage", hint };
    default:
      return failure;
  }
}

/** The failure behind a CONNACK that refuses, of MQTT 5 or 3.1.1. */
export function refusedConnection(code: number, { username }: Target): Failure {
  switch (code) {
    case 0x01:
    case 0x84:
      return { kind: "version", why: "the broker does not speak this version of MQTT" };
    case 0x02:
    case 0x85:
      return { kind: "trouble", why: "the broker does not accept the client id" };
    case 0x04:
    case 0x05:
    case 0x86:
    case 0x87:
      return {
        kind: "trouble",
        why: username === undefined
          ? "the broker demands a user name and password"
          : `the broker rejected user name ${quoted(username)} or its password`,
        hint: "check CYBERWAVE_MQTT_USERNAME and CYBERWAVE_MQTT_PASSWORD, or the API token",
        refused: "credentials",
      };
    case 0x8a:
      return { kind: "trouble", why: "the broker has banned this client" };
    default:
      return { kind: "outage", why: `the broker refused the connection: ${reasonText(code)}` };
  }
}

/** The failure behind a CONNACK that accepts on terms under which no node can work. */
export function unusableConnack({ properties }: IConnackPacket): Failure | undefined {
  const { receiveMaximum, maximumPacketSize, maximumQoS } = properties ?? {};
  const wrong = receiveMaximum === 0
    ? "its Receive Maximum is 0"
    : maximumPacketSize === 0
    ? "its Maximum Packet Size is 0"
    : undefined;
  if (wrong !== undefined) return { kind: "trouble", why: `the broker violates MQTT: ${wrong}` };
  if (maximumQoS === 0) {
    return { kind: "trouble", why: "the broker takes no messages at QoS 1", hint: "allow QoS 1" };
  }
  return undefined;
}

/** What a broker calls the mistakes of a client. */
const PROTOCOL_ERRORS: ReadonlySet<number> = new Set([
  0x80, // Unspecified error
  0x81, // Malformed Packet
  0x82, // Protocol Error
  0x83, // Implementation specific error
  0x87, // Not authorized
  0x90, // Topic Name invalid
  0x93, // Receive Maximum exceeded
  0x95, // Packet too large
  0x99, // Payload format invalid
]);

/** The failure behind a DISCONNECT packet from the broker. */
export function disconnectedByBroker(code: number): Failure {
  if (code === 0x8b) return { kind: "outage", why: "the broker is shutting down" };
  if (code === 0x8e) {
    return {
      kind: "trouble",
      why: "another client connected with the same client id",
      hint: "stop the other node that uses a copy of this node's state folder",
    };
  }
  if (code === 0x00) return CLOSED_WITHOUT_REASON;
  return {
    kind: "outage",
    why: `the broker closed the connection: ${reasonText(code)}`,
    ...(PROTOCOL_ERRORS.has(code) && { closing: "protocol" }),
  };
}

const UNTRUSTED = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
]);

/** Whether a runtime says so that it does not trust the certificate of the other side. */
export function isUntrusted(message: string): boolean {
  return /invalid peer certificate: (UnknownIssuer|BadSignature)/.test(message);
}

function isForOthers(message: string): boolean {
  return message.startsWith("invalid peer certificate: certificate not valid for name");
}

/**
 * The failure behind an error of the network, of TLS or of the protocol. `undefined` when the error
 * only says that the other side hung up.
 */
export function failedConnection(
  error: Error,
  { host, server = "the broker" }: Target,
): Failure | undefined {
  const code = "code" in error ? String(error.code) : error.message;
  if (UNTRUSTED.has(code) || isUntrusted(error.message)) {
    return {
      kind: "trouble",
      why: `${server}'s certificate is not signed by a trusted authority`,
      hint: "give the authority's certificate as mqtt_tls_ca_certs",
    };
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || isForOthers(error.message)) {
    return { kind: "trouble", why: `${server}'s certificate is not for host ${quoted(host)}` };
  }
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return { kind: "trouble", why: `${server}'s certificate has expired` };
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return {
        kind: "trouble",
        why: `${server} does not speak TLS on this port`,
        hint: "check mqtt_port and mqtt_use_tls",
      };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { kind: "outage", why: `host name ${quoted(host)} cannot be resolved` };
    case "ECONNREFUSED":
      return { kind: "outage", why: "connection refused" };
    case "ECONNRESET":
    case "EPIPE":
      return undefined;
    case "ETIMEDOUT":
    case "connack timeout":
    case "Keepalive timeout":
      return { kind: "outage", why: `${server} does not answer`, closing: "unanswered" };
  }
  return { kind: "outage", why: error.message };
}

/** A reason code in words and as a number. */
export function reasonText(code: number): string {
  const name = (ReasonCodes as Record<number, string | undefined>)[code];
  return `${name?.toLowerCase() ?? "unknown reason"} (0x${code.toString(16).padStart(2, "0")})`;
}

/** How a failure is reported that has lasted for a while. `advice` says what to do, where that is known. */
export function stillAway(
  url: string,
  ageMs: number,
  { why }: Failure,
  advice = "check that the broker runs, and mqtt_host and mqtt_port",
): string {
  return `Still not connected to ${url} after ${timeInWords(ageMs)}: ${why} (${advice})`;
}
