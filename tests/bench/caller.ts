/** A bare MQTT client that sends commands and waits for their replies. */
import type { Socket } from "node:net";
import { connectAsync, type MqttClient } from "mqtt";

/** The topics of a node, or of whatever answers in its place. */
export function topicsOf(uuid: string): { command: string; response: string } {
  const root = `cyberwave/cloud-node/${uuid}`;
  return { command: `${root}/command`, response: `${root}/response` };
}

/** Connects to a broker, without Nagle's algorithm. */
export async function connectBare(url: string): Promise<MqttClient> {
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0 });
  (client.stream as Socket).setNoDelay(true);
  return client;
}

/** What the caller reads in a reply. */
interface Reply {
  readonly request_id: string;
  readonly status: "ok" | "error";
  readonly error?: string;
}

/** Sends commands to one node. */
export class Caller implements AsyncDisposable {
  readonly #client: MqttClient;
  readonly #topic: string;
  readonly #waiting = new Map<string, (reply: Reply) => void>();
  #asking: ReturnType<typeof setInterval> | undefined;
  /** How many commands it has sent: request ids count up from r0. */
  sent = 0;

  private constructor(client: MqttClient, topic: string) {
    this.#client = client;
    this.#topic = topic;
    client.on("message", (_topic, payload) => this.#receive(JSON.parse(payload.toString())));
  }

  /** Connects and subscribes to the replies of the node with this UUID, which need not run yet. */
  static async connect(url: string, uuid: string): Promise<Caller> {
    const client = await connectBare(url);
    const { command, response } = topicsOf(uuid);
    const caller = new Caller(client, command);
    await client.subscribeAsync(response, { qos: 1 });
    return caller;
  }

  /** Sends a command. Resolves when the node replies with `ok`, and rejects when it replies with an error. */
  async run(command: string): Promise<void> {
    const { status, error } = await this.#ask(command);
    if (status !== "ok") throw new Error(`The reply to "${command}" is an error: ${error}`);
  }

  /** Sends `count` commands, `parallel` at a time. */
  async runMany(command: string, count: number, parallel: number): Promise<void> {
    let left = count;
    const one = async () => {
      while (left-- > 0) await this.run(command);
    };
    await Promise.all(Array.from({ length: parallel }, one));
  }

  /** Resolves when the node answers `status`, which is lost as long as the node is not subscribed. */
  async answered(everyMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const ask = () => this.#ask("status").then(resolve);
    this.#asking = setInterval(ask, everyMs);
    ask();
    await promise;
    clearInterval(this.#asking);
    this.#waiting.clear();
  }

  /** Disconnects. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#asking);
    await this.#client.endAsync(true);
  }

  #ask(command: string): Promise<Reply> {
    const requestId = `r${this.sent++}`;
    const message = JSON.stringify({ command, request_id: requestId, params: { x: 1 } });
    this.#client.publish(this.#topic, message, { qos: 1 });
    return new Promise((resolve) => this.#waiting.set(requestId, resolve));
  }

  #receive(reply: Reply): void {
    this.#waiting.get(reply.request_id)?.(reply);
    this.#waiting.delete(reply.request_id);
  }
}
