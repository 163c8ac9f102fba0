/** A small MQTT client for tests, to send what the node receives and see what it sends. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";
import { Inbox } from "./events.ts";

/** A message as the test client received it. */
export interface Message {
  readonly topic: string;
  readonly text: string;
  readonly retained: boolean;
  readonly duplicate: boolean;
  readonly properties: IPublishPacket["properties"];
}

/** What a test client publishes beside topic and payload. */
export interface PublishOptions {
  readonly retain?: boolean;
  readonly qos?: 0 | 1;
  readonly properties?: IPublishPacket["properties"];
}

const NO_MATCHING_SUBSCRIBERS = 0x10;

/** A client that connects once, and fails rather than to reconnect. */
export class TestClient implements AsyncDisposable {
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #client: MqttClient;
  /** The messages that the broker could give to nobody. */
  readonly #unheard = new Set<number>();
  readonly #inboxes = new Map<string, Inbox<Message>>();

  private constructor(client: MqttClient) {
    this.#client = client;
    this.closed = new Promise((resolve) => client.once("close", () => resolve()));
    client.on("packetreceive", (packet) => {
      if (packet.cmd === "puback" && packet.reasonCode === NO_MATCHING_SUBSCRIBERS) {
        this.#unheard.add(packet.messageId!);
      }
    });
    // At once: a session that is resumed brings messages before anybody can ask for them.
    client.on("message", (topic, payload, packet) => this.#receive(topic, payload, packet));
  }

  /** Connects with MQTT 5, unless `options` say otherwise. */
  static async connect(url: string, options: IClientOptions = {}): Promise<TestClient> {
    const client = connect(url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
    const connected = new TestClient(client);
    await new Promise((resolve, reject) => {
      client.once("connect", resolve);
      client.once("error", reject);
      client.once("close", () => reject(new Error(`The broker at ${url} hung up`)));
    });
    (client.stream as Socket).setNoDelay(true);
    return connected;
  }

  /** Publishes, at QoS 1 unless told otherwise, and waits for the acknowledgement. */
  async publish(
    topic: string,
    payload: string | Uint8Array | Record<string, unknown>,
    options: PublishOptions = {},
  ): Promise<void> {
    await this.offer(topic, payload, options);
  }

  /** The same; resolves with whether there was somebody to give it to, as far as the broker says. */
  async offer(
    topic: string,
    payload: string | Uint8Array | Record<string, unknown>,
    options: PublishOptions = {},
  ): Promise<boolean> {
    const content = typeof payload === "string"
      ? payload
      : payload instanceof Uint8Array
      ? Buffer.from(payload)
      : JSON.stringify(payload);
    const published = this.#client.publishAsync(topic, content, { qos: 1, ...options });
    const id = this.#client.getLastMessageId();
    await published;
    return !this.#unheard.delete(id);
  }

  /** Subscribes to `topic`, without wildcards, and collects what comes on it. */
  async collect(topic: string): Promise<Inbox<Message>> {
    await this.#client.subscribeAsync(topic, { qos: 1 });
    return this.#inbox(topic);
  }

  /** What comes on `topic`, to which an earlier connection of the same session has subscribed. */
  received(topic: string): Inbox<Message> {
    return this.#inbox(topic);
  }

  /** Disconnects. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync(true);
    // mqtt.js ends a stream of its own in a timer of 0 ms, which would outlive this client.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  #receive(topic: string, payload: Buffer, packet: IPublishPacket): void {
    this.#inbox(topic).push({
      topic,
      text: payload.toString(),
      retained: packet.retain,
      duplicate: packet.dup,
      properties: packet.properties,
    });
  }

  #inbox(topic: string): Inbox<Message> {
    const inbox = this.#inboxes.get(topic) ?? new Inbox<Message>();
    this.#inboxes.set(topic, inbox);
    return inbox;
  }
}
