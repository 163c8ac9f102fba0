/**
 * The MQTT front end of the emulated platform: a client of the broker that answers requests.
 *
 * @module
 */
import { type Broker, type Inbound, MqttConnection } from "../mqtt/connection.ts";
import { messageOf, quoted } from "../errors.ts";
import { createLogger } from "../log.ts";
import { commandTopic } from "../protocol/topics.ts";
import { fieldsOf, refusal } from "./json_answers.ts";
import type { Call } from "./rest_calls.ts";
import type { EmulatedPlatform, WorkloadCall } from "./emulated_platform.ts";
import type { InstanceReport } from "./instances.ts";
import type { EmulatedWorkload } from "./emulated_workload.ts";

/** Answers for a platform what is asked of it at a broker, until it is disposed. */
export class MqttFrontEnd implements AsyncDisposable {
  readonly #platform: EmulatedPlatform;
  readonly #prefix: string;
  readonly #connection: MqttConnection;
  readonly #stop = new AbortController();
  readonly #logger = createLogger("backend");
  readonly #running: Promise<void>;

  private constructor(
    platform: EmulatedPlatform,
    broker: Omit<Broker, "clientId" | "forget">,
    prefix: string,
  ) {
    this.#platform = platform;
    this.#prefix = prefix;
    this.#connection = new MqttConnection({
      ...broker,
      // The broker keeps its session: what nodes report while it is away arrives later.
      clientId: `cyberwave-backend-${crypto.getRandomValues(new Uint8Array(8)).toHex()}`,
      // The node says when it is connected; that its backend is too would read as a repetition.
      logger: { ...this.#logger, info: this.#logger.debug },
      onMessage: (message) => void this.#receive(message),
    });
    void this.#connection.setTopics(TOPICS.map((topic) => prefix + topic));
    this.#running = this.#connection.run(this.#stop.signal);
  }

  /** Starts one on topics that begin with `prefix`, and waits until it is connected. */
  static async start(
    platform: EmulatedPlatform,
    { host, port, tls, username, password }: Omit<Broker, "clientId" | "forget">,
    prefix = "",
  ): Promise<MqttFrontEnd> {
    const broker = { host, port, tls, username, password };
    const frontEnd = new MqttFrontEnd(platform, broker, prefix);
    await frontEnd.#connection.whenConnected();
    platform.dispatchBy((workload, instanceUuid) => void frontEnd.#send(workload, instanceUuid));
    return frontEnd;
  }

  /** Disconnects. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #receive({ topic, payload, properties }: Inbound): Promise<void> {
    const token = properties?.userProperties?.["X-API-Token"];
    const call: Call = {
      method: "MQTT",
      path: topic.slice(this.#prefix.length),
      query: new URLSearchParams(),
      // A client may repeat a user property, which makes it a list.
      authorization: token === undefined ? null : String(token),
      body: parsed(payload),
    };
    try {
      const response = await this.#platform.answer(call, () => this.#emulate(call));
      if (properties?.responseTopic === undefined) return;
      const { responseTopic, correlationData } = properties;
      const answer = await inOneObject(response);
      await this.#connection.publish(responseTopic, answer, { properties: { correlationData } });
    } catch (error) {
      this.#logger.debug(`Cannot answer ${quoted(call.path)}: ${messageOf(error)}`);
    }
  }

  /** Sends a workload to its instance, or takes it back if that fails. */
  async #send(workload: EmulatedWorkload, instanceUuid: string): Promise<void> {
    const message = {
      command: "workload_received",
      request_id: crypto.randomUUID(),
      params: {
        workload_uuid: workload.uuid,
        profile_slug: workload.profileSlug,
        status: workload.status,
        command_type: workload.commandType,
        command_params: workload.commandParams,
      },
    };
    const topic = commandTopic(this.#prefix, instanceUuid);
    try {
      await this.#connection.publish(topic, JSON.stringify(message));
    } catch (error) {
      this.#logger.warn(`Cannot send workload ${workload.uuid}: ${messageOf(error)}`);
      this.#platform.takeBack(workload);
    }
  }

  #emulate({ path, authorization, body }: Call): Response {
    const [, root, id, action] = path.split("/");
    // Who comes without one has shown it to the broker, as its password.
    const token = root === "cloud-node-token" ? id : authorization ?? this.#platform.token;
    if (token !== this.#platform.token) return refusal(401, "Invalid token");
    const fields = fieldsOf(body);
    if (root === "cloud-node-token") return this.#platform.createInstance(fields);
    const report = root === "cloud-node" ? REPORTS[action] : undefined;
    if (report !== undefined) return this.#platform.report(id, report, fields);
    return this.#platform.onWorkload(id, WORKLOAD_CALLS[action], fields);
  }
}

const REPORTS: Readonly<Record<string, InstanceReport>> = {
  register: "register",
  heartbeat: "heartbeat",
  logs: "log",
  terminate: "terminated",
  fail: "failed",
};

const WORKLOAD_CALLS: Readonly<Record<string, WorkloadCall>> = {
  "update-status": "update",
  "request-signed-url": "sign",
  "upload-results": "report",
};

const TOPICS: readonly string[] = [
  "cyberwave/cloud-node-token/+/request-instance",
  ...Object.keys(REPORTS).map((action) => `cyberwave/cloud-node/+/${action}`),
  ...Object.keys(WORKLOAD_CALLS).map((action) => `cyberwave/cloud-workload/+/${action}`),
];

function parsed(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
}

/** A response as MQTT carries it, where there is no status beside the text. */
async function inOneObject(response: Response): Promise<string> {
  const text = await response.text();
  const fields = parsed(new TextEncoder().encode(text));
  if (typeof fields !== "object" || fields === null) return text;
  const status = response.ok ? { success: true } : { success: false, code: response.status };
  return JSON.stringify({ ...status, ...fields });
}
