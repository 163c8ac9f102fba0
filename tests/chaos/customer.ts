/** Somebody who sends commands again and again until each is answered. */
import { connect, type MqttClient } from "mqtt";
import type { Task } from "./task.ts";

/** A broker that is killed may lose what it had acknowledged, so whoever wants an answer asks again. */
const SEND_AGAIN_MS = 2_000;

/** Sends tasks, over a connection that comes back whenever it is lost. */
export class Customer implements AsyncDisposable {
  /** Every task that was sent. */
  readonly tasks: Task[] = [];
  readonly #client: MqttClient;
  readonly #topics: { command: string; response: string };
  readonly #replies = new Map<string, string[]>();
  /** The platform's ids for the tasks that it follows. */
  readonly #workloads = new Map<string, string>();
  readonly #owedAgain = new Set<string>();
  readonly #timer: ReturnType<typeof setInterval>;
  #waiting: (() => void)[] = [];

  /** Starts to connect to the broker, and to send to the instance with this UUID. */
  constructor(url: string, uuid: string) {
    const root = `cyberwave/cloud-node/${uuid}`;
    this.#topics = { command: `${root}/command`, response: `${root}/response` };
    this.#client = connect(url, { protocolVersion: 5, reconnectPeriod: 50, resubscribe: false });
    this.#client.on("connect", () => {
      this.#client.subscribe(this.#topics.response, { qos: 1 }, () => this.#askAgain());
    });
    this.#client.on("error", () => {}); // The broker is away: it will try again.
    this.#client.on("message", (_topic, payload) => this.#receive(payload.toString()));
    this.#timer = setInterval(() => this.#askAgain(), SEND_AGAIN_MS);
  }

  /** The replies to a task so far, as they came. */
  repliesTo({ id }: Task): readonly string[] {
    return this.#replies.get(id) ?? [];
  }

  /** Sends a task, with the platform's id if it follows it, until it is answered. */
  give(task: Task, workloadUuid: string | undefined): void {
    this.tasks.push(task);
    if (workloadUuid !== undefined) this.#workloads.set(task.id, workloadUuid);
    this.#send(task);
    if (task.twice) this.#send(task);
    if (task.again) this.#owedAgain.add(task.id);
  }

  /** The tasks that still wait for a reply. */
  get unanswered(): Task[] {
    return this.tasks.filter(({ id }) => !this.#replies.has(id) || this.#owedAgain.has(id));
  }

  /** Resolves at the next reply. */
  nextReply(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Disconnects. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#client.endAsync(true);
  }

  #askAgain(): void {
    if (!this.#client.connected) return;
    for (const task of this.unanswered) this.#send(task);
  }

  #send(task: Task): void {
    if (!this.#client.connected) return;
    const message = JSON.stringify({ request_id: task.id, ...this.#command(task) });
    this.#client.publish(this.#topics.command, message, { qos: 1 }, () => {});
  }

  #command({ id, kind, params, platform }: Task) {
    if (platform === undefined) return { command: kind, params };
    const workload_uuid = this.#workloads.get(id)!;
    const own = { ...params, cyberwave_workload_token: platform.token };
    if (!platform.announced) return { command: kind, params: { ...own, workload_uuid } };
    const announced = { workload_uuid, command_type: kind, command_params: own, status: "pending" };
    return { command: "workload_received", params: announced };
  }

  #receive(payload: string): void {
    const { request_id: id } = JSON.parse(payload);
    const known = this.#replies.get(id);
    if (known === undefined) this.#replies.set(id, [payload]);
    else known.push(payload);
    this.#askOnceMore(id, known !== undefined);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Some tasks are asked for again although they were answered: the same answer has to come. */
  #askOnceMore(id: string, wasAnswered: boolean): void {
    if (!this.#owedAgain.has(id)) return;
    if (wasAnswered) this.#owedAgain.delete(id);
    else this.#send(this.tasks.find((task) => task.id === id)!);
  }
}
