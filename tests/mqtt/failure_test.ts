import { assertEquals, assertMatch } from "@std/assert";
import { FIRST_ATTEMPT, nextAttempt } from "../../src/mqtt/attempt.ts";
import {
  disconnectedByBroker,
  failedConnection,
  type Failure,
  refusedConnection,
  unusableConnack,
  withoutFallback,
} from "../../src/mqtt/failure.ts";
import type { IConnackPacket } from "../../src/mqtt/library.ts";

const TARGET = { host: "mqtt.example", username: "robot" };

const CONNACKS: [number, Failure["kind"], string][] = [
  [0x01, "version", "the broker does not speak this version of MQTT"],
  [0x84, "version", "the broker does not speak this version of MQTT"],
  [0x02, "trouble", "the broker does not accept the client id"],
  [0x85, "trouble", "the broker does not accept the client id"],
  [0x04, "trouble", 'the broker rejected user name "robot" or its password'],
  [0x05, "trouble", 'the broker rejected user name "robot" or its password'],
  [0x86, "trouble", 'the broker rejected user name "robot" or its password'],
  [0x87, "trouble", 'the broker rejected user name "robot" or its password'],
  [0x8a, "trouble", "the broker has banned this client"],
  [0x03, "outage", "the broker refused the connection: server unavailable (0x03)"],
  [0x89, "outage", "the broker refused the connection: server busy (0x89)"],
  [0xfe, "outage", "the broker refused the connection: unknown reason (0xfe)"],
];

for (const [code, kind, why] of CONNACKS) {
  Deno.test(`CONNACK 0x${code.toString(16).padStart(2, "0")} means ${kind}: ${why}`, () => {
    const failure = refusedConnection(code, TARGET);
    assertEquals([failure.kind, failure.why], [kind, why]);
  });
}

Deno.test("a broker that rejects a client without a user name demands one", () => {
  const { why } = refusedConnection(0x87, { host: "mqtt.example" });
  assertEquals(why, "the broker demands a user name and password");
});

const DISCONNECTS: [number, Failure["kind"], string][] = [
  [0x8b, "outage", "the broker is shutting down"],
  [0x8e, "trouble", "another client connected with the same client id"],
  [0x95, "outage", "the broker closed the connection: packet too large (0x95)"],
];

for (const [code, kind, why] of DISCONNECTS) {
  Deno.test(`DISCONNECT 0x${code.toString(16)} means ${kind}: ${why}`, () => {
    const failure = disconnectedByBroker(code);
    assertEquals([failure.kind, failure.why], [kind, why]);
  });
}

const ERRORS: [string, Failure["kind"], string][] = [
  ["ENOTFOUND", "outage", 'host name "mqtt.example" cannot be resolved'],
  ["EAI_AGAIN", "outage", 'host name "mqtt.example" cannot be resolved'],
  ["ECONNREFUSED", "outage", "connection refused"],
  ["ETIMEDOUT", "outage", "the broker does not answer"],
  [
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "trouble",
    "the broker's certificate is not signed by a trusted authority",
  ],
  [
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "trouble",
    'the broker\'s certificate is not for host "mqtt.example"',
  ],
  ["CERT_HAS_EXPIRED", "trouble", "the broker's certificate has expired"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "trouble", "the broker does not speak TLS on this port"],
  ["EHOSTUNREACH", "outage", "what the system says"],
];

const MESSAGES: [string, string][] = [
  ["UnknownIssuer", "the broker's certificate is not signed by a trusted authority"],
  ["BadSignature", "the broker's certificate is not signed by a trusted authority"],
  [
    'certificate not valid for name "mqtt.example"; certificate is only valid for DnsName("x")',
    'the broker\'s certificate is not for host "mqtt.example"',
  ],
];

for (const [message, why] of MESSAGES) {
  Deno.test(`"invalid peer certificate: ${message}" means: ${why}`, () => {
    const failure = failedConnection(new Error(`invalid peer certificate: ${message}`), TARGET);
    assertEquals([failure?.kind, failure?.why], ["trouble", why]);
  });
}

for (const [code, kind, why] of ERRORS) {
  Deno.test(`${code} means ${kind}: ${why}`, () => {
    const error = Object.assign(new Error("what the system says"), { code });
    const failure = failedConnection(error, TARGET);
    assertEquals([failure?.kind, failure?.why], [kind, why]);
  });
}

Deno.test("a broker that stopped answering is said to do so", () => {
  for (const message of ["connack timeout", "Keepalive timeout"]) {
    const failure = failedConnection(new Error(message), TARGET);
    assertEquals(failure?.why, "the broker does not answer");
    // It may be a message that a network swallows, such as one above its MTU.
    assertEquals(failure?.closing, "unanswered");
  }
});

Deno.test("a reset connection says nothing but that the other side hung up", () => {
  const error = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  assertEquals(failedConnection(error, TARGET), undefined);
});

Deno.test("who needs MQTT 5 tries no older version, and is told how to do without", () => {
  const old = withoutFallback({ kind: "version", why: "the broker does not speak this version" });
  assertEquals([old.kind, old.refused], ["trouble", "version"]);
  const silent = withoutFallback({ kind: "silence", why: "the broker closed the connection" });
  assertEquals([silent.kind, silent.why], ["outage", "the broker closed the connection"]);
  for (const { hint } of [old, silent]) assertMatch(hint ?? "", /control_plane: rest/);
  const attempts = [old, silent].map((failure) => nextAttempt(FIRST_ATTEMPT, failure, undefined));
  assertEquals(attempts.map(({ version }) => version), [5, 5]);
  const outage = { kind: "outage", why: "connection refused" } as const;
  assertEquals(withoutFallback(outage), outage);
});

const TERMS: [properties: IConnackPacket["properties"], why: string | undefined][] = [
  [undefined, undefined],
  [{ receiveMaximum: 1, maximumPacketSize: 1 }, undefined],
  [{ receiveMaximum: 0 }, "the broker violates MQTT: its Receive Maximum is 0"],
  [{ maximumPacketSize: 0 }, "the broker violates MQTT: its Maximum Packet Size is 0"],
  [{ maximumQoS: 1 }, undefined],
  [{ maximumQoS: 0 }, "the broker takes no messages at QoS 1"],
];

for (const [properties, why] of TERMS) {
  Deno.test(`a CONNACK with ${JSON.stringify(properties) ?? "no properties"} means: ${why ?? "connected"}`, () => {
    const connack = { cmd: "connack", sessionPresent: false, properties } as const;
    assertEquals(unusableConnack(connack)?.why, why);
  });
}

const CLOSINGS: [code: number, closing: Failure["closing"]][] = [
  [0x00, "wordless"],
  [0x81, "protocol"],
  [0x90, "protocol"],
  [0x95, "protocol"],
  [0x8b, undefined],
  [0x8e, undefined],
  [0x98, undefined],
];

for (const [code, closing] of CLOSINGS) {
  Deno.test(`DISCONNECT 0x${code.toString(16)} is ${closing ?? "not due to what was sent"}`, () => {
    assertEquals(disconnectedByBroker(code).closing, closing);
  });
}
