/**
 * One network connection to a broker, from CONNECT until it is closed. It never reconnects:
 * whoever opened it does.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { BrokerError, messageOf, quoted } from "../errors.ts";
import { type Clock, systemClock } from "../time.ts";
import { AckGate } from "./ack_gate.ts";
import { AwaitedAnswers } from "./awaited_answers.ts";
import { type Broker, connectOptions, disconnectPacket } from "./broker.ts";
import {
  CLOSED_WITHOUT_REASON,
  disconnectedByBroker,
  failedConnection,
  type Failure,
  type ProtocolVersion,
  reasonText,
  refusedConnection,
  unusableConnack,
} from "./failure.ts";
import { type IConnackPacket, type IPublishPacket, MqttClient } from "./library.ts";
import { inbound, type MessageProperties, packetIdOf, type Receiver } from "./message.ts";
import { openSocket } from "./socket.ts";

/** What else a link may be given. */
interface LinkOptions {
  /** Times the answers of the broker. Default: the machine's clock. */
  readonly clock?: Clock;
  /** How many sessions began before. Default: none. */
  readonly sessions?: number;
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

const NO_MATCHING_SUBSCRIBERS = 0x10;
const CLOSE_TIMEOUT_MS = 2_000;

/** With more bytes than that to be sent, what nobody misses is dropped. */
const MAX_UNSENT = 64 * 1024;

/** Keeps mqtt.js from acknowledging a message by itself. It goes on to the next one. */
const NOT_YET = new Error("The message is acknowledged later");

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
  readonly #gate: AckGate;
  readonly #disconnect: Uint8Array;
  readonly #answers: AwaitedAnswers;
  /** The packets that are acknowledged, and for which there was no subscriber. */
  readonly #unheard = new Set<number | undefined>();
  #session: number;
  #failure: Failure | undefined;
  #established = false;
  #isAccepted = false;
  #isClosed = false;
  #closeTimeout: ReturnType<typeof setTimeout> | undefined;

  /** Starts to connect. `receiver` is called from the moment on when the broker accepts. */
  constructor(
    broker: Broker,
    version: ProtocolVersion,
    receiver: Receiver,
    { clock = systemClock, sessions = 0 }: LinkOptions = {},
  ) {
    const accepted = Promise.withResolvers<IConnackPacket | undefined>();
    const closed = Promise.withResolvers<Failure>();
    this.accepted = accepted.promise;
    this.closed = closed.promise;
    this.#receiver = receiver;
    this.#session = sessions;
    this.#disconnect = disconnectPacket(broker, version);
    this.#answers = new AwaitedAnswers(clock, (failure) => this.#drop(failure));
    this.#gate = new AckGate({
      acknowledge: (packetIds) => this.#acknowledge(packetIds),
      onFailure: (error) => {
        this.#failure ??= { kind: "storage", why: messageOf(error) };
        // In good order: what is acknowledged must not be delivered, and run, again.
        this.close();
      },
    });
    this.#socket = openSocket(broker);
    this.#client = new MqttClient(() => this.#socket, connectOptions(broker, version));
    this.#client.handleMessage = (packet, next) => {
      this.#gate.pass(packetIdOf(packet), () => this.#take(packet));
      next(NOT_YET);
    };
    this.#client.on("packetreceive", (packet) => {
      if (packet.cmd === "connack") this.#inspect(packet);
      if (packet.cmd === "puback" && packet.reasonCode === NO_MATCHING_SUBSCRIBERS) {
        this.#unheard.add(packet.messageId);
      }
    });
    this.#client.on("connect", (connack) => {
      if (this.#failure !== undefined) return;
      this.#isAccepted = true;
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
    this.#socket.on("error", (error) => this.#drop(failedConnection(error, broker)));
    this.#client.on("close", () => {
      this.#isClosed = true;
      clearTimeout(this.#closeTimeout);
      const failure = this.#failure ?? this.#hungUp();
      accepted.resolve(undefined);
      // Before the rest, so that whoever publishes again at once finds no link instead of this one.
      closed.resolve(failure);
      this.#answers.close(failure);
    });
  }

  /** Whether it is closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How many sessions have begun, this link's included. */
  get session(): number {
    return this.#session;
  }

  /**
   * Publishes at QoS 1. Resolves at PUBACK with whether there was a subscriber, as far as the broker
   * says; rejects when it is refused or the link is closed.
   */
  publish(
    topic: string,
    payload: string | Uint8Array,
    properties?: MessageProperties,
  ): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const answered = this.#answers.expect("PUBLISH", reject);
    this.#client.publish(topic, bufferOf(payload), { qos: 1, properties }, (error) => {
      answered();
      if (!error) resolve(!this.#unheard.delete(id));
      else if ("code" in error && typeof error.code === "number") {
        reject(new PublishRefusedError(topic, error.code));
      } else {
        reject(new BrokerError(`The message is not acknowledged: ${error.message}`));
      }
    });
    const id = this.#client.getLastMessageId();
    return promise;
  }

  /** Publishes at QoS 0, or drops it when much waits to be sent already. */
  publishUnacknowledged(topic: string, payload: string): void {
    if (!this.#client.connected || this.#socket.writableLength > MAX_UNSENT) return;
    this.#client.publish(topic, payload, { qos: 0 }, () => {});
  }

  /** Subscribes at QoS 1. Resolves with those that were refused, also when the link is closed. */
  subscribe(topics: string[]): Promise<RefusedTopic[]> {
    if (topics.length === 0) return Promise.resolve([]);
    for (const topic of topics) this.topics.add(topic);
    const { promise, resolve } = Promise.withResolvers<RefusedTopic[]>();
    const answered = this.#answers.expect("SUBSCRIBE");
    // Retain handling 1: retained messages come with a new subscription, not with a resumed one.
    this.#client.subscribe(topics, { qos: 1, rh: 1 }, (_error, _grants, suback) => {
      answered();
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
    const answered = this.#answers.expect("UNSUBSCRIBE");
    this.#client.unsubscribe(topics, (error) => {
      answered();
      resolve(!error);
    });
    return promise;
  }

  /**
   * Takes no more messages: what comes from now on is neither handed on nor acknowledged. Resolves
   * when those that were handed on are acknowledged.
   */
  stopReceiving(): Promise<void> {
    this.#gate.close();
    return this.#gate.drained();
  }

  /** Closes the link once all that is under way is acknowledged, or after 2 s by force. */
  close(): void {
    if (this.#isClosed || this.#closeTimeout !== undefined) return;
    this.#failure ??= { kind: "outage", why: "the connection was closed" };
    if (!this.#client.connected) return void this.#socket.destroy();
    this.#closeTimeout = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS);
    // mqtt.js's own end() first waits for acknowledgements, without end.
    this.stopReceiving().then(() => this.#socket.end(this.#disconnect));
  }

  async #take(packet: IPublishPacket): Promise<void> {
    try {
      await this.#receiver.onMessage(inbound(packet, this.#session));
    } catch (error) {
      const message = `a message on topic ${quoted(packet.topic)}`;
      throw new Error(`${message} was not taken in: ${messageOf(error)}`, { cause: error });
    }
  }

  #acknowledge(packetIds: readonly number[]): void {
    if (!this.#socket.writable) return;
    this.#socket.write(Buffer.from(packetIds.flatMap((id) => [0x40, 2, id >> 8, id & 0xff])));
  }

  /** Looks at a CONNACK before the messages that may come right behind it. */
  #inspect(connack: IConnackPacket): void {
    if ((connack.reasonCode ?? connack.returnCode) !== 0) return;
    if (!connack.sessionPresent) this.#session++;
    const failure = unusableConnack(connack);
    if (failure !== undefined) this.#drop(failure);
  }

  #hungUp(): Failure {
    if (!this.#established || this.#isAccepted) return CLOSED_WITHOUT_REASON;
    return { kind: "silence", why: CLOSED_WITHOUT_REASON.why };
  }

  #drop(failure: Failure | undefined): void {
    this.#failure ??= failure;
    this.#socket.destroy();
  }
}

function bufferOf(payload: string | Uint8Array): string | Buffer {
  if (typeof payload === "string") return payload;
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
