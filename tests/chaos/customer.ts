/** Somebody who sends commands again and again until each is answered. */
import { connect, type MqttClient } from "mqtt";
import { HttpSender } from "./http_sender.ts";
import type { Task } from "./task.ts";

/** A broker that is killed may lose what it had acknowledged, so whoever wants an answer asks again. */
const SEND_AGAIN_MS = 2_000;
const CANCEL_AFTER_MS = 300;

/** What came of a task so far. */
export interface Course {
  readonly task: Task;
  /** When it was sent first. */
  readonly sentAt: number;
  /** When the first reply came. */
  answeredAt?: number;
  /** The replies, as they came. */
  readonly replies: string[];
}

/** Sends tasks, over a connection that comes back whenever it is lost. */
export class Customer implements AsyncDisposable {
  /** Every task that was sent. */
  readonly courses = new Map<string, Course>();
  /** Replies without a request id and without the output by which a task is known. */
  readonly anonymous: string[] = [];
  /** Replies that are to nothing that was sent. */
  readonly strays: string[] = [];
  readonly #client: MqttClient;
  readonly #http: HttpSender;
  readonly #topics: { command: string; response: string };
  /** The platform's ids for the tasks that it follows. */
  readonly #workloads = new Map<string, string>();
  readonly #owedAgain = new Set<string>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #cancels = 0;
  #waiting: (() => void)[] = [];

  /**
   * Starts to connect to the broker, and to send to the instance with this UUID, which has its HTTP
   * server at `socket`.
   */
  constructor(url: string, uuid: string, socket: string) {
    this.#http = new HttpSender(socket);
    const root = `cyberwave/cloud-node/${uuid}`;
    this.#topics = { command: `${root}/command`, response: `${root}/response` };
    this.#client = connect(url, { protocolVersion: 5, reconnectPeriod: 50, resubscribe: false });
    this.#client.on("connect", () => {
      this.#client.subscribe(this.#topics.response, { qos: 1 }, () => this.#askAgain());
    });
    this.#client.on("error", () => {}); // The broker is away: it connects again.
    this.#client.on("message", (_topic, payload) => this.#receive(payload.toString()));
    this.#timers.add(setInterval(() => this.#askAgain(), SEND_AGAIN_MS));
  }

  /** Sends a task, with the platform's id if it follows it, until it is answered. */
  give(task: Task, workloadUuid: string | undefined): void {
    const anonymous = task.sent === "without request id";
    if (anonymous && !this.#client.connected) return;
    this.courses.set(task.id, { task, sentAt: performance.now(), replies: [] });
    if (workloadUuid !== undefined) this.#workloads.set(task.id, workloadUuid);
    this.#send(task);
    if (task.sent === "twice") this.#send(task);
    if (task.again) this.#owedAgain.add(task.id);
    if (task.cancelled) {
      this.#timers.add(setTimeout(() => this.#cancel(task), CANCEL_AFTER_MS));
    }
  }

  /** The tasks with a request id that still wait for a reply. */
  get unanswered(): Task[] {
    return Array.from(this.courses.values(), ({ task }) => task)
      .filter(({ sent }) => sent !== "without request id")
      .filter(({ id }) => this.#repliesTo(id).length === 0 || this.#owedAgain.has(id));
  }

  /** Resolves at the next reply. */
  nextReply(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Disconnects. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#http[Symbol.dispose]();
    await this.#client.endAsync(true);
  }

  #repliesTo(id: string): readonly string[] {
    return this.courses.get(id)?.replies ?? [];
  }

  #askAgain(): void {
    for (const task of this.unanswered) {
      this.#send(task);
      if (task.cancelled) this.#cancel(task);
    }
  }

  #send(task: Task): void {
    const id = task.sent === "without request id" ? {} : { request_id: task.id };
    const message = { ...id, ...this.#command(task) };
    // What was answered is asked for again at the broker, wherever it was sent first.
    if (task.overHttp && this.#repliesTo(task.id).length === 0) void this.#post(message);
    else this.#publish(message);
  }

  async #post(message: Record<string, unknown>): Promise<void> {
    const reply = await this.#http.send(message);
    if (reply !== undefined) this.#receive(reply);
  }

  #cancel({ id }: Task): void {
    const request_id = `cancel${this.#cancels++}`;
    this.#publish({ command: "cancel", request_id, params: { workload_request_id: id } });
  }

  #publish(message: Record<string, unknown>): void {
    if (!this.#client.connected) return;
    this.#client.publish(this.#topics.command, JSON.stringify(message), { qos: 1 }, () => {});
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
    const { request_id, output } = JSON.parse(payload);
    // Without a request id it is known by what it printed.
    const id = request_id ?? /^done (task\d+)\n$/.exec(output ?? "")?.[1];
    const course = this.courses.get(id);
    if (course === undefined) {
      if (request_id === null) this.anonymous.push(payload);
      else if (!isReplyToCancel(payload)) this.strays.push(payload);
    } else {
      course.answeredAt ??= performance.now();
      course.replies.push(payload);
      this.#askOnceMore(course);
    }
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Some tasks are asked for again although they were answered: the same answer has to come. */
  #askOnceMore({ task, replies }: Course): void {
    if (!this.#owedAgain.has(task.id)) return;
    if (replies.length > 1) this.#owedAgain.delete(task.id);
    else this.#send(task);
  }
}

function isReplyToCancel(payload: string): boolean {
  const { request_id, status, error } = JSON.parse(payload);
  return /^cancel\d+$/.test(request_id ?? "") &&
    (status === "ok" || /^No active workload found with request_id task\d+$/.test(error));
}
