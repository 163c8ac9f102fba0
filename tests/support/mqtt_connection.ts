/** A connection of the node to a broker, for the length of a test. */
import {
  type Inbound,
  MqttConnection,
  type MqttConnectionOptions,
} from "../../src/mqtt/connection.ts";
import { Inbox, RecordingLogger } from "./events.ts";

/** The topic that these connections subscribe to. */
export const COMMAND = "cyberwave/cloud-node/u1/command";
/** A topic to publish on. */
export const RESPONSE = "cyberwave/cloud-node/u1/response";

export /** A connection that runs for the length of a test, with all that it told. */
class Harness implements AsyncDisposable {
  readonly logger = new RecordingLogger();
  readonly messages = new Inbox<{ topic: string; text: string; retained: boolean }>();
  readonly events = new Inbox<"connected" | "resumed" | "disconnected">();
  readonly connection: MqttConnection;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(options: Partial<MqttConnectionOptions> & { port: number }, topics = [COMMAND]) {
    this.connection = new MqttConnection({
      host: "127.0.0.1",
      clientId: "node-1",
      logger: this.logger,
      onMessage: (message) => this.receive(message),
      onConnected: ({ sessionResumed }) =>
        this.events.push(sessionResumed ? "resumed" : "connected"),
      onDisconnected: () => this.events.push("disconnected"),
      // Waits of a few milliseconds: brokers here come back at once.
      random: () => 0.002,
      ...options,
    });
    void this.connection.setTopics(topics);
    this.#done = this.connection.run(this.#stop.signal);
  }

  receive({ topic, payload, retained }: Inbound): void {
    this.messages.push({ topic, text: new TextDecoder().decode(payload), retained });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}
