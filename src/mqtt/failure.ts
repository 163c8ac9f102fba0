/**
 * Why a connection to a broker failed, in words, and what that means for the next attempt. Pure.
 *
 * @module
 */
import { ReasonCodes } from "mqtt";
import { quoted } from "../errors.ts";

/** Why there is no connection, or no longer one. */
export interface Failure {
  /**
   * What kind of failure it is:
   * - `outage`: the network or the broker is in trouble, which passes.
   * - `trouble`: it stays until somebody changes something.
   * - `version`: the broker says that it does not speak this version of MQTT.
   * - `silence`: the broker closed the connection instead of answering. Brokers that don't know
   *   this version of MQTT do so, and load balancers in front of a broker that is down.
   */
  readonly kind: "outage" | "trouble" | "version" | "silence";
  /** The reason, as a clause for a message. */
  readonly why: string;
  /** What to do about it, if there is anything. */
  readonly hint?: string;
  /** What of this client's the broker does not accept, where that is plain. */
  readonly refused?: "credentials" | "version";
}

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

/** What decides how the next attempt to connect is made. */
export interface Attempt {
  /** The version of MQTT to ask for. */
  readonly version: ProtocolVersion;
  /** How many failures led to it, one after the other. */
  readonly failures: number;
  /** Whether this broker has spoken MQTT 5, so that silence is no sign of the contrary. */
  readonly knows5: boolean;
  /** How long the wait before it may be, in milliseconds. */
  readonly wait: { readonly min: number; readonly max: number };
}

// Two clients with one client id throw each other out, and not every broker says why: a connection
// must last a little to count as a success, or they would do so without end at the shortest wait.
const STABLE_MS = 2_000;
const WAIT = { min: 1_000, max: 30_000 };
const LONGEST_WAIT = { min: WAIT.max, max: WAIT.max };
const NO_WAIT = { min: 0, max: 0 };

/** The attempt that comes first. */
export const FIRST_ATTEMPT: Attempt = { version: 5, failures: 0, knows5: false, wait: NO_WAIT };

/**
 * The attempt after `last`, which ended with `failure`. `lasted` says for how many milliseconds it
 * was connected, if it was.
 */
export function nextAttempt(last: Attempt, failure: Failure, lasted: number | undefined): Attempt {
  const wasConnected = lasted !== undefined;
  const failures = wasConnected && lasted >= STABLE_MS ? 1 : last.failures + 1;
  const knows5 = last.knows5 || (wasConnected && last.version === 5);
  if (failure.kind === "version") {
    const wait = last.version === 5 ? NO_WAIT : WAIT;
    return { version: other(last.version), failures, knows5: false, wait };
  }
  const wait = failure.kind === "trouble" ? LONGEST_WAIT : WAIT;
  // Asking for 5 again after each outage costs one round trip and notices an upgraded broker.
  if (wasConnected) return { version: 5, failures, knows5, wait };
  const mayBeTooOld = failure.kind === "silence" && !knows5;
  return { version: mayBeTooOld ? other(last.version) : last.version, failures, knows5, wait };
}

function other(version: ProtocolVersion): ProtocolVersion {
  return version === 5 ? 4 : 5;
}

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
  return { kind: "outage", why: `the broker closed the connection: ${reasonText(code)}` };
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
      return { kind: "outage", why: `${server} does not answer` };
  }
  return { kind: "outage", why: error.message };
}

/** A reason code in words and as a number. */
export function reasonText(code: number): string {
  const name = (ReasonCodes as Record<number, string | undefined>)[code];
  return `${name?.toLowerCase() ?? "unknown reason"} (0x${code.toString(16).padStart(2, "0")})`;
}
