/** A bare MQTT client that sends commands and waits for their replies. */
import type { Socket } from "node:net";
import { connectAsync, type MqttClient } from "mqtt";

/** The topics of a node, or of whatever answers in its place. */
export function topicsOf(uuid: string): { command: string; response: string } {
  const root = `cyberwave/cloud-node/${uuid}`;
  return { command: `${root}/command`, response: `${root}/response` };
}

/** Connects to a broker with nothing in the way of speed. */
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
  #sent = 0;
  /** How many replies came for which nobody waited: none should. */
  unexpected = 0;

  private constructor(client: MqttClient, topic: string) {
    this.#client = client;
    this.#topic = topic;
    client.on("message", (_topic, payload) => this.#receive(JSON.parse(payload.toString())));
  }

  /** Connects, and resolves when the node with this UUID answers. */
  static async connect(url: string, uuid: string): Promise<Caller> {
    const client = await connectBare(url);
    const { command, response } = topicsOf(uuid);
    const caller = new Caller(client, command);
    await client.subscribeAsync(response, { qos: 1 });
    await caller.#answered();
    return caller;
  }

  /** Has the node run a command, and resolves when it has answered that it succeeded. */
  async run(command: string): Promise<void> {
    const { status, error } = await this.#ask(command);
    if (status !== "ok") throw new Error(`${command} was answered with an error: ${error}`);
  }

  /** Disconnects. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync(true);
  }

  #ask(command: string): Promise<Reply> {
    const requestId = `r${this.#sent++}`;
    const message = JSON.stringify({ command, request_id: requestId, params: { x: 1 } });
    this.#client.publish(this.#topic, message, { qos: 1 });
    return new Promise((resolve) => this.#waiting.set(requestId, resolve));
  }

  /** Asks again and again: as long as the node has not subscribed, nobody gets the question. */
  async #answered(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const asking = setInterval(() => this.#ask("status").then(resolve), 50);
    await promise;
    clearInterval(asking);
  }

  #receive(reply: Reply): void {
    const resolve = this.#waiting.get(reply.request_id);
    if (resolve === undefined) this.unexpected++;
    this.#waiting.delete(reply.request_id);
    resolve?.(reply);
  }
}
