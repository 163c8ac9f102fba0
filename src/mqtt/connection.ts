/**
 * A connection to an MQTT broker that reconnects for as long as its signal lasts.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { BrokerError, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import { backoff, type Clock, isAbort, Outage, systemClock, timeInWords } from "../time.ts";
import { type Attempt, FIRST_ATTEMPT, hintFor, nextAttempt } from "./attempt.ts";
import { UnacknowledgedError } from "./awaited_answers.ts";
import { type Failure, stillAway, withoutFallback } from "./failure.ts";
import type { Broker } from "./broker.ts";
import { MqttLink, PublishRefusedError, type RefusedTopic } from "./link.ts";
import { type Inbound, type MessageProperties, propertiesSize, type Receiver } from "./message.ts";
import { urlOf } from "./endpoint.ts";

export {
  type Broker,
  type Failure,
  type Inbound,
  type MessageProperties,
  PublishRefusedError,
  UnacknowledgedError,
};

/**
 * What a connection needs to know and what it reports. Messages of a resumed session come before
 * `onConnected`.
 */
export interface MqttConnectionOptions extends Broker, Receiver {
  /** Where state changes are logged, once each. */
  readonly logger: Logger;
  /** Called when the connection is up and every topic is subscribed. */
  onConnected?(connection: { version: "5" | "3.1.1"; sessionResumed: boolean }): void;
  /** Called when a connection that was up is closed. */
  onDisconnected?(): void;
  /** Called when a connection could not be made or is closed, with why; not when it was ended. */
  onFailure?(failure: Failure): void;
  /** Called when the broker refuses a subscription. Default: that is logged. */
  onRefusedTopic?(refused: RefusedTopic): void;
  /** Whether to take no broker that speaks 3.1.1 only. Default: `false`. */
  readonly needs5?: boolean;
  /** Times the waits between attempts. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Spreads the waits between attempts. Default: `Math.random`. */
  readonly random?: () => number;
}

/** The longest fixed part of a PUBLISH: its header, the lengths of topic and properties, its id. */
const PUBLISH_OVERHEAD = 5 + 2 + 2 + 4;
const PACKET_TOO_LARGE = 0x95;

/** A connection to a broker that reconnects by itself. */
export class MqttConnection {
  readonly #options: MqttConnectionOptions;
  readonly #clock: Clock;
  readonly #url: string;
  /** The one that is connected. */
  #link: MqttLink | undefined;
  /** The one that is connected, connecting or closing. */
  #latest: MqttLink | undefined;
  #isReceiving = true;
  #sessions = 0;
  #connected = false;
  #up = Promise.withResolvers<void>();
  #topics = new Set<string>();
  #unwanted = new Set<string>();
  #loggedFailure: string | undefined;
  readonly #outage: Outage;
  #maxPacketSize: number | undefined;
  #receiveMaximum = 65_535;

  /** Prepares a connection. `run` makes it. */
  constructor(options: MqttConnectionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#outage = new Outage(this.#clock);
    this.#url = urlOf(options);
    // Those who wait get the rejection; it is no error when nobody does.
    this.#up.promise.catch(() => {});
  }

  /** Where the broker is: `mqtt://host:port`, or `mqtts://` with TLS. */
  get url(): string {
    return this.#url;
  }

  /** Whether the broker is connected and every topic subscribed. */
  get connected(): boolean {
    return this.#connected;
  }

  /** The largest packet the broker takes, in bytes, where it said so when last connected. */
  get maxPacketSize(): number | undefined {
    return this.#maxPacketSize;
  }

  /** How many messages may wait for their PUBACK at a time. The caller keeps to it. */
  get receiveMaximum(): number {
    return this.#receiveMaximum;
  }

  /**
   * Keeps the connection up until `signal` aborts, whatever happens. Resolves when the connection
   * is closed in good order. Can be called once.
   */
  async run(signal: AbortSignal): Promise<void> {
    let attempt = FIRST_ATTEMPT;
    try {
      while (!signal.aborted) {
        const { failure: found, lasted } = await this.#connect(attempt, signal);
        if (signal.aborted) break;
        const failure = this.#options.needs5 ? withoutFallback(found) : found;
        attempt = nextAttempt(attempt, failure, lasted);
        this.#report(failure, lasted !== undefined, attempt);
        this.#options.onFailure?.(failure);
        const wait = backoff(attempt.failures - 1, attempt.wait, this.#options.random);
        await this.#clock.sleep(wait, signal);
      }
    } catch (error) {
      if (!isAbort(error, signal)) throw error;
    } finally {
      this.#up.reject(new BrokerError(`The connection to ${this.#url} was closed`));
    }
  }

  /** Resolves when the broker is connected, at once if it is; rejects if `signal` aborts first. */
  async whenConnected(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      await Promise.race([this.#up.promise, aborted.promise]);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /**
   * Makes `topics` the ones that are subscribed to, over this connection and those that follow, and
   * unsubscribes from `unwanted`, which an earlier program may have left in the session. Resolves
   * when the broker has answered, with whether it did; at once when it is not connected.
   */
  async setTopics(topics: string[], unwanted: string[] = []): Promise<boolean> {
    const wanted = new Set(topics);
    this.#unwanted = new Set([...this.#unwanted, ...this.#topics, ...unwanted]).difference(wanted);
    this.#topics = wanted;
    return this.#link !== undefined && await this.#subscribe(this.#link);
  }

  /**
   * Takes no more messages, over this connection and those that follow: what comes is neither handed
   * on nor acknowledged, and stays with the broker. Resolves when those that were handed on are
   * acknowledged.
   */
  async stopReceiving(): Promise<void> {
    this.#isReceiving = false;
    const link = this.#latest;
    if (link !== undefined) await Promise.race([link.stopReceiving(), link.closed]);
  }

  /**
   * Publishes at QoS 1. Resolves when the broker has acknowledged it, with whether there was a
   * subscriber, as far as the broker says.
   *
   * @throws {PublishRefusedError} when the broker does not take this message: don't repeat it.
   * @throws {BrokerError} when it may or may not have arrived: publish it again once connected.
   */
  publish(
    topic: string,
    payload: string | Uint8Array,
    options: { properties?: MessageProperties } = {},
  ): Promise<boolean> {
    if (!this.#link || !this.#connected) {
      return Promise.reject(new BrokerError(`Not connected to ${this.#url}`));
    }
    // A broker closes the connection over a packet that is too large, and would do so each time.
    if (this.#isTooLarge(topic, payload, options.properties)) {
      return Promise.reject(new PublishRefusedError(topic, PACKET_TOO_LARGE));
    }
    return this.#link.publish(topic, payload, options.properties);
  }

  /**
   * Publishes at QoS 0 what nobody misses: it is dropped when the broker is not connected, or takes
   * what it gets too slowly.
   */
  publishUnacknowledged(topic: string, payload: string): void {
    if (!this.#connected || this.#isTooLarge(topic, payload)) return;
    this.#link?.publishUnacknowledged(topic, payload);
  }

  #isTooLarge(topic: string, payload: string | Uint8Array, properties?: MessageProperties) {
    const size = PUBLISH_OVERHEAD + Buffer.byteLength(topic) + Buffer.byteLength(payload);
    return size + propertiesSize(properties) > (this.#maxPacketSize ?? Infinity);
  }

  /** Connects once and resolves when that connection is closed: with why, and how long it lasted. */
  async #connect(
    { version }: Attempt,
    signal: AbortSignal,
  ): Promise<{ failure: Failure; lasted: number | undefined }> {
    const link = new MqttLink(this.#options, version, this.#options, {
      clock: this.#clock,
      sessions: this.#sessions,
    });
    this.#latest = link;
    if (!this.#isReceiving) void link.stopReceiving();
    const closed = link.closed.then((failure) => {
      this.#withdraw();
      return failure;
    });
    const close = () => link.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      const connack = await link.accepted;
      if (connack && !link.isClosed) {
        this.#link = link;
        this.#maxPacketSize = connack.properties?.maximumPacketSize;
        this.#receiveMaximum = connack.properties?.receiveMaximum ?? 65_535;
        await Promise.race([this.#subscribe(link), closed]);
        if (!link.isClosed && !signal.aborted) {
          this.#announce(version === 5 ? "5" : "3.1.1", connack.sessionPresent);
        }
      }
      const since = this.#connected ? this.#clock.monotonic() : undefined;
      const failure = await closed;
      return { failure, lasted: since === undefined ? undefined : this.#clock.monotonic() - since };
    } finally {
      signal.removeEventListener("abort", close);
      link.close();
      await closed;
      this.#sessions = link.session;
      // mqtt.js ends a stream of its own in a timer of 0 ms, which would outlive this connection.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Brings the subscriptions of `link` in line with what is wanted now; whether that was confirmed. */
  async #subscribe(link: MqttLink): Promise<boolean> {
    const unwanted = [...this.#unwanted];
    const [refused, unsubscribed] = await Promise.all([
      link.subscribe([...this.#topics.difference(link.topics)]),
      link.unsubscribe(unwanted),
    ]);
    const { onRefusedTopic = (topic) => this.#reportRefused(topic) } = this.#options;
    for (const topic of refused) onRefusedTopic(topic);
    if (!unsubscribed || link.isClosed) return false;
    for (const topic of unwanted) this.#unwanted.delete(topic);
    return true;
  }

  #reportRefused({ topic, why }: RefusedTopic): void {
    this.#options.logger.error(
      `The broker refused the subscription to ${quoted(topic)}: ${why} ` +
        "(check that this node's user may subscribe to it)",
    );
  }

  #announce(version: "5" | "3.1.1", sessionResumed: boolean): void {
    const session = sessionResumed ? "session resumed" : "new session";
    const took = this.#outage.ended();
    const after = took === undefined || took < 1_000 ? "" : ` after ${timeInWords(took)}`;
    this.#options.logger.info(`Connected to ${this.#url} (MQTT ${version}, ${session})${after}`);
    this.#loggedFailure = undefined;
    this.#connected = true;
    this.#up.resolve();
    this.#options.onConnected?.({ version, sessionResumed });
  }

  #withdraw(): void {
    this.#link = undefined;
    if (!this.#connected) return;
    this.#connected = false;
    this.#up = Promise.withResolvers();
    this.#up.promise.catch(() => {});
    this.#options.onDisconnected?.();
  }

  /** Logs a failure, once for each reason. */
  #report(failure: Failure, wasConnected: boolean, next: Attempt): void {
    const { logger } = this.#options;
    const advice = hintFor(failure, next);
    const hint = advice ? ` (${advice})` : "";
    const message = wasConnected
      ? `Lost the connection to ${this.#url}: ${failure.why}; reconnecting${hint}`
      : `Cannot connect to ${this.#url}: ${failure.why}; retrying${hint}`;
    const known = this.#loggedFailure === failure.why;
    const fallingBack = failure.kind === "version" && next.version === 4;
    const age = fallingBack ? undefined : this.#outage.failed();
    if (known && age !== undefined) return logger.warn(stillAway(this.#url, age, failure, advice));
    if (known || fallingBack) return logger.debug(message);
    this.#loggedFailure = failure.why;
    if (failure.kind === "trouble" || failure.kind === "storage") logger.error(message);
    else logger.warn(message);
  }
}
