/**
 * Requests over MQTT 5 and the answers to them, matched by their correlation data.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { AuthenticationError, BackendError, ConfigError, messageOf } from "../errors.ts";
import type { Clock } from "../time.ts";
import { Answer } from "./answer.ts";
import { type Failure, reasonText } from "../mqtt/failure.ts";
import { PublishRefusedError } from "../mqtt/link.ts";
import type { Inbound, MessageProperties } from "../mqtt/message.ts";

/** The connection that carries requests. */
export interface RequestConnection {
  /** Where the broker is. */
  readonly url: string;
  /** Whether it can publish. */
  readonly connected: boolean;
  /** How many messages may wait for their PUBACK at a time. */
  readonly receiveMaximum: number;
  /** Resolves when it can publish. */
  whenConnected(signal: AbortSignal): Promise<void>;
  /** Resolves when the broker has acknowledged the message. */
  publish(
    topic: string,
    payload: string,
    options: { properties: MessageProperties },
  ): Promise<unknown>;
}

/** What requests are made with. */
interface RequestOptions {
  /** Carries them. */
  readonly connection: RequestConnection;
  /** Where their answers arrive. */
  readonly responseTopic: string;
  /** The API token, which goes with each request. Read for each of them. */
  readonly token: string;
  /** Times them. */
  readonly clock: Clock;
  /** How long one may take, the wait for a connection included, in milliseconds. */
  readonly timeoutMs: number;
}

/** A request. */
export interface MqttRequest {
  /** Where it goes. May hold a secret. */
  readonly topic: string;
  /** How messages call it. */
  readonly name: string;
  /** What it says. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A caller that waits: for the connection first, then for an answer. */
interface Waiter {
  /** Ends the waiting, with an error. */
  readonly end: AbortController;
  /** The message of that error, for a reason. */
  describe: (why: string) => string;
  /** Whether the request was sent, so that its answer is lost with the connection. */
  isSent: boolean;
  /** Whether a broker that is out may come back meanwhile. */
  readonly isPatient: boolean;
}

/** Makes requests, any number at a time. Its caller reports when the connection opens and closes. */
export class MqttRequests {
  readonly #options: RequestOptions;
  readonly #waiters = new Set<Waiter>();
  /** Who waits for an answer, by correlation data. Answers to nobody are dropped: they are late. */
  readonly #answers = new Map<string, (payload: Uint8Array) => void>();
  readonly #unacknowledged = new Set<Promise<void>>();
  #failure: Failure | undefined;
  /** The token when the connection failed: another one may be accepted. */
  #failedWith: string | undefined;

  /** Does not request anything yet. */
  constructor(options: RequestOptions) {
    this.#options = options;
  }

  /** The connection is up. */
  connected(): void {
    this.#failure = undefined;
  }

  /** The connection could not be made, or is lost. */
  failed(failure: Failure): void {
    this.#failure = failure;
    this.#failedWith = this.#options.token;
    for (const waiter of this.#waiters) {
      if (waiter.isSent || isPermanent(failure, waiter)) {
        waiter.end.abort(errorFor(failure, waiter));
      }
    }
  }

  /** The connection was ended: there will be no answers. */
  closed(): void {
    this.failed({ kind: "trouble", why: "the connection was closed" });
  }

  /** A message has come. */
  receive({ payload, properties }: Inbound): void {
    this.#answers.get(properties?.correlationData?.toString("hex") ?? "")?.(payload);
  }

  /**
   * Resolves when requests can be made.
   *
   * @throws {AuthenticationError} if the broker rejects the user name or password
   * @throws {BackendError} if it cannot be reached now
   * @throws {ConfigError} if it does not speak MQTT 5
   */
  ready(signal?: AbortSignal): Promise<void> {
    const describe = (why: string) => `Cannot connect to ${this.#options.connection.url}: ${why}`;
    return this.#wait(describe, false, signal, () => Promise.resolve());
  }

  /**
   * Makes a request and resolves with its answer.
   *
   * @throws what `ready()` throws, but waits for a broker that is out; a `BackendError` for no answer
   */
  request({ topic, name, body }: MqttRequest, signal?: AbortSignal): Promise<Answer> {
    const { url } = this.#options.connection;
    const call = `MQTT request ${name}`;
    const describe = (why: string) => `${call} got no answer: no connection to ${url}: ${why}`;
    return this.#wait(describe, true, signal, async (waiter) => {
      waiter.describe = (why) => `${call} got no answer: ${why}`;
      waiter.isSent = true;
      const correlationData = Buffer.from(crypto.getRandomValues(new Uint8Array(16)));
      const id = correlationData.toString("hex");
      const answer = Promise.withResolvers<Answer>();
      this.#answers.set(id, (payload) => answer.resolve(answerIn(call, payload)));
      try {
        this.#publish(topic, JSON.stringify(body), correlationData, waiter.end.signal)
          .catch((error) => answer.reject(publishError(error, call, waiter)));
        return await Promise.race([answer.promise, rejection(waiter.end.signal)]);
      } finally {
        this.#answers.delete(id);
      }
    });
  }

  /** Does `task` once there is a connection, until the time is up or `signal` aborts. */
  async #wait<T>(
    describe: (why: string) => string,
    isPatient: boolean,
    signal: AbortSignal | undefined,
    task: (waiter: Waiter) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const { connection, clock, timeoutMs } = this.#options;
    const end = new AbortController();
    const waiter: Waiter = { end, describe, isPatient, isSent: false };
    const abort = () => end.abort(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    clock.sleep(timeoutMs, end.signal).then(
      () => {
        const timeout = `timed out after ${timeoutMs / 1000} s`;
        const why = waiter.isSent ? timeout : this.#failure?.why ?? timeout;
        end.abort(new BackendError(waiter.describe(why)));
      },
      () => {},
    );
    this.#waiters.add(waiter);
    try {
      const failure = connection.connected ? undefined : this.#failure;
      if (failure !== undefined && isPermanent(failure, waiter) && !this.#isOutdated(failure)) {
        throw errorFor(failure, waiter);
      }
      await connection.whenConnected(end.signal).catch((error) => {
        throw end.signal.aborted ? error : new BackendError(waiter.describe(messageOf(error)));
      });
      return await task(waiter);
    } finally {
      this.#waiters.delete(waiter);
      signal?.removeEventListener("abort", abort);
      end.abort();
    }
  }

  /** Whether credentials were refused that are others now. */
  #isOutdated({ refused }: Failure): boolean {
    return refused === "credentials" && this.#failedWith !== this.#options.token;
  }

  async #publish(
    topic: string,
    payload: string,
    correlationData: Buffer,
    signal: AbortSignal,
  ): Promise<void> {
    const { connection, responseTopic, token } = this.#options;
    // A broker closes the connection when more messages wait for it than it allows.
    while (this.#unacknowledged.size >= connection.receiveMaximum) {
      await Promise.race(this.#unacknowledged);
    }
    signal.throwIfAborted();
    const userProperties = { "X-API-Token": token };
    const properties = { responseTopic, correlationData, userProperties };
    const published = connection.publish(topic, payload, { properties });
    const done = published.then(() => {}, () => {}).finally(() =>
      this.#unacknowledged.delete(done)
    );
    this.#unacknowledged.add(done);
    await published;
  }
}

/** Whether it is useless to wait for another connection after this failure. */
function isPermanent({ kind }: Failure, { isPatient }: Waiter): boolean {
  return kind === "trouble" || (kind === "outage" && !isPatient);
}

function errorFor({ why, hint, refused }: Failure, { describe }: Waiter): Error {
  switch (refused) {
    case "credentials":
      return new AuthenticationError(describe(why), {
        hint: "Check CYBERWAVE_MQTT_USERNAME and CYBERWAVE_MQTT_PASSWORD, or the API token",
      });
    case "version":
      return new ConfigError(describe(why), {
        hint: "Set control_plane: rest, or use another broker",
      });
    default:
      return new BackendError(describe(why), { hint });
  }
}

const NOT_AUTHORIZED = 0x87;
const PACKET_TOO_LARGE = 0x95;

/** Why a request was not taken. The broker's own error names the topic, and so maybe the token. */
function publishError(error: unknown, call: string, { describe }: Waiter): Error {
  if (!(error instanceof PublishRefusedError)) return new BackendError(describe(messageOf(error)));
  const message = `The broker refused ${call}: ${reasonText(error.reasonCode)}`;
  if (error.reasonCode === NOT_AUTHORIZED) {
    return new AuthenticationError(message, {
      hint: "Check that this node's user may publish its requests, or set control_plane: rest",
    });
  }
  return new BackendError(message, {
    status: error.reasonCode === PACKET_TOO_LARGE ? 413 : undefined,
  });
}

const decoder = new TextDecoder();

/** An answer. Its `code` is an HTTP status, and missing where all is well. */
function answerIn(call: string, payload: Uint8Array): Answer {
  const text = decoder.decode(payload);
  return new Answer(call, codeIn(text) ?? 200, text);
}

function codeIn(text: string): number | undefined {
  try {
    const code = JSON.parse(text)?.code;
    return Number.isInteger(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
