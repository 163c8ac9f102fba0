/**
 * One network connection to a broker, from CONNECT until it is closed. It is never connected
 * again: that is for whoever opened it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers";
import { type IConnackPacket, type IPublishPacket, MqttClient } from "mqtt";
import { BrokerError, messageOf, quoted } from "../errors.ts";
import {
  disconnectedByBroker,
  failedConnection,
  type Failure,
  type ProtocolVersion,
  reasonText,
  refusedConnection,
} from "./failure.ts";
import { type Endpoint, openSocket } from "./socket.ts";

/** What MQTT 5 lets a message carry beside its payload. */
export type MessageProperties = NonNullable<IPublishPacket["properties"]>;

/** A message from the broker. */
export interface Inbound {
  /** The topic it was published on. */
  readonly topic: string;
  /** Its content. */
  readonly payload: Uint8Array;
  /** Whether the broker had kept it for subscribers to come, so that it may be old. */
  readonly retained: boolean;
  /** What it carries beside: `responseTopic`, `correlationData`, `userProperties` and more. */
  readonly properties?: MessageProperties;
}

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

/** Who takes in what comes from a broker. */
export interface Receiver {
  /**
   * Takes in a message, synchronously. When it throws, the message is not acknowledged and the
   * connection is closed, so that the broker delivers it again.
   */
  onMessage(message: Inbound): void;
  /**
   * Called before messages that were taken in are acknowledged, for all that came at once: what must
   * survive a crash is on disk when it returns. When it throws, none of them is acknowledged and the
   * connection is dropped.
   */
  settle?(): void;
}

/** The broker received a message and refused it, so that sending it again will not help. */
export class PublishRefusedError extends BrokerError {
  /** The MQTT 5 reason code, 0x80 or above. */
  readonly reasonCode: number;

  /** Makes an error for a message on `topic` that was refused with `reasonCode`. */
  constructor(topic: string, reasonCode: number) {
    super(`The broker refused a message on topic ${quoted(topic)}: ${reasonText(reasonCode)}`);
    this.reasonCode = reasonCode;
  }
}

/** A topic that the broker does not let this client subscribe to. */
export interface RefusedTopic {
  /** The topic. */
  readonly topic: string;
  /** Why it is refused. */
  readonly why: string;
}

const SESSION_EXPIRY_SECONDS = 3_600;
const KEEPALIVE_SECONDS = 30;
const CONNECT_TIMEOUT_MS = 30_000;
const GOODBYE_TIMEOUT_MS = 2_000;

// The same in MQTT 5 and 3.1.1. mqtt.js's own end() first waits for acknowledgements, without end.
const DISCONNECT = new Uint8Array([0xe0, 0x00]);

/** One network connection to a broker. */
export class MqttLink {
  /** The broker's CONNACK, or `undefined` when the link was closed without one. */
  readonly accepted: Promise<IConnackPacket | undefined>;
  /** Settles, always, with the reason for which the link is closed. */
  readonly closed: Promise<Failure>;
  /** The topics subscribed to over this link. */
  readonly topics = new Set<string>();

  readonly #receiver: Receiver;
  readonly #socket: Socket;
  readonly #client: MqttClient;
  readonly #unacknowledged = new Set<(error: BrokerError) => void>();
  #failure: Failure | undefined;
  #established = false;
  #isClosed = false;
  #holding = false;
  #goodbye: ReturnType<typeof setTimeout> | undefined;

  /** Starts to connect. `receiver` is called from the moment on when the broker accepts. */
  constructor(broker: Broker, version: ProtocolVersion, receiver: Receiver) {
    const accepted = Promise.withResolvers<IConnackPacket | undefined>();
    const closed = Promise.withResolvers<Failure>();
    let isAccepted = false;
    this.accepted = accepted.promise;
    this.closed = closed.promise;
    this.#receiver = receiver;
    this.#socket = openSocket(broker);
    this.#client = new MqttClient(() => this.#socket, connectOptions(broker, version));
    // This hook runs before PUBACK is sent: without its callback there is none, and nothing that
    // came after this message is looked at.
    this.#client.handleMessage = (packet, acknowledge) => {
      this.#holdBack();
      const why = `a message on topic ${quoted(packet.topic)} was not taken in`;
      if (this.#attempt(why, () => receiver.onMessage(inbound(packet)))) acknowledge();
      // In good order: what came before it would be delivered, and run, again and again.
      else this.close();
    };
    this.#client.on("connect", (connack) => {
      isAccepted = true;
      accepted.resolve(connack);
    });
    this.#client.on("disconnect", ({ reasonCode }) => {
      this.#failure ??= disconnectedByBroker(reasonCode ?? 0);
    });
    this.#client.on("error", (error) => {
      this.#drop(
        "code" in error && typeof error.code === "number"
          ? refusedConnection(error.code, broker)
          : failedConnection(error, broker),
      );
    });
    this.#socket.on(broker.tls ? "secureConnect" : "connect", () => this.#established = true);
    this.#socket.on("end", () => this.#release());
    this.#socket.on("error", (error) => this.#drop(failedConnection(error, broker)));
    this.#client.on("close", () => {
      this.#isClosed = true;
      clearTimeout(this.#goodbye);
      const failure = this.#failure ?? {
        kind: this.#established && !isAccepted ? "silence" : "outage",
        why: "the broker closed the connection",
      };
      accepted.resolve(undefined);
      // Before the rest, so that whoever publishes again at once finds no link instead of this one.
      closed.resolve(failure);
      for (const reject of this.#unacknowledged) {
        reject(new BrokerError(`The message is not acknowledged: ${failure.why}`));
      }
    });
  }

  /** Whether it is closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Publishes at QoS 1. Resolves at PUBACK; rejects when it is refused or the link is closed. */
  publish(
    topic: string,
    payload: string | Uint8Array,
    properties?: MessageProperties,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#unacknowledged.add(reject);
    this.#client.publish(topic, bufferOf(payload), { qos: 1, properties }, (error) => {
      this.#unacknowledged.delete(reject);
      if (!error) resolve();
      else if ("code" in error && typeof error.code === "number") {
        reject(new PublishRefusedError(topic, error.code));
      } else {
        reject(new BrokerError(`The message is not acknowledged: ${error.message}`));
      }
    });
    return promise;
  }

  /** Subscribes at QoS 1. Resolves with those that were refused, also when the link is closed. */
  subscribe(topics: string[]): Promise<RefusedTopic[]> {
    if (topics.length === 0) return Promise.resolve([]);
    for (const topic of topics) this.topics.add(topic);
    const { promise, resolve } = Promise.withResolvers<RefusedTopic[]>();
    // Retain handling 1: retained messages come with a new subscription, not with a resumed one.
    this.#client.subscribe(topics, { qos: 1, rh: 1 }, (_error, _grants, suback) => {
      const granted = (suback?.granted ?? []) as number[];
      resolve(
        topics.flatMap((topic, index) =>
          granted[index] >= 0x80 ? [{ topic, why: reasonText(granted[index]) }] : []
        ),
      );
    });
    return promise;
  }

  /** Unsubscribes. Resolves with whether the broker confirmed it. */
  unsubscribe(topics: string[]): Promise<boolean> {
    if (topics.length === 0) return Promise.resolve(true);
    for (const topic of topics) this.topics.delete(topic);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#client.unsubscribe(topics, (error) => resolve(!error));
    return promise;
  }

  /** Closes the link in good order, or after 2 s by force. */
  close(): void {
    if (this.#isClosed) return;
    if (!this.#client.connected) {
      this.#socket.destroy();
      return;
    }
    this.#goodbye ??= setTimeout(() => this.#socket.destroy(), GOODBYE_TIMEOUT_MS);
    if (this.#release()) this.#socket.end(DISCONNECT);
  }

  /** Keeps acknowledgements from leaving before all that came in with them is settled. */
  #holdBack(): void {
    if (this.#holding) return;
    this.#holding = true;
    this.#socket.cork();
    setImmediate(() => this.#release());
  }

  /** Settles what acknowledgements wait for. The end of a socket, too, would let them leave. */
  #release(): boolean {
    if (!this.#holding) return true;
    this.#holding = false;
    const isSettled = this.#attempt(
      "messages were not remembered",
      () => this.#receiver.settle?.(),
    );
    if (isSettled) this.#socket.uncork();
    else this.#socket.destroy();
    return isSettled;
  }

  /** Calls `action`. When it throws, that is `why` the link is closed. */
  #attempt(why: string, action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.#failure ??= { kind: "trouble", why: `${why}: ${messageOf(error)}` };
      return false;
    }
  }

  #drop(failure: Failure | undefined): void {
    this.#failure ??= failure;
    this.#socket.destroy();
  }
}

function connectOptions(broker: Broker, version: ProtocolVersion) {
  const { forget = false } = broker;
  return {
    protocolVersion: version,
    clientId: broker.clientId,
    username: broker.username,
    password: broker.password,
    clean: forget,
    properties: version === 5 && !forget
      ? { sessionExpiryInterval: SESSION_EXPIRY_SECONDS }
      : undefined,
    keepalive: KEEPALIVE_SECONDS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    // By default mqtt.js prints every packet, passwords too, when DEBUG is set.
    log: () => {},
  };
}

function inbound({ topic, payload, retain, properties }: IPublishPacket): Inbound {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  return { topic, payload: bytes, retained: retain, properties };
}

function bufferOf(payload: string | Uint8Array): string | Buffer {
  if (typeof payload === "string") return payload;
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
