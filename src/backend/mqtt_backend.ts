/**
 * The control plane over MQTT 5: everything a node reports to the backend and asks of it.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";
import { addSecret, type Logger } from "../log.ts";
import {
  clientResponseTopic,
  instanceRequestTopic,
  instanceTopic,
  workloadTopic,
} from "../protocol/topics.ts";
import { type Clock, systemClock } from "../time.ts";
import { type Answer, checkedId, tokenName } from "./answer.ts";
import type {
  Backend,
  Instance,
  InstanceRef,
  InstanceRequest,
  LogEntry,
  PlatformWorkload,
  SignedUpload,
  UploadedResults,
} from "./backend.ts";
import { MqttConnection } from "../mqtt/connection.ts";
import type { Broker } from "../mqtt/broker.ts";
import { type MqttRequest, MqttRequests } from "./mqtt_requests.ts";
import { newInstanceBody, uploadedResultsBody } from "./request_bodies.ts";

/** How to reach the backend by way of a broker. */
interface MqttControlPlaneOptions {
  /**
   * Where the broker is, and the client id, which must be this control plane's own. The password is
   * read at each connection.
   */
  readonly broker: Omit<Broker, "username" | "forget">;
  /** The user name at the broker, asked for at each connection. */
  username(): string;
  /** What stands in front of every topic. */
  readonly topicPrefix: string;
  /** The API token. Read for each request, so that a getter may give another one later. */
  readonly token: string;
  /** Where the token came from, as said in errors about it. Default: not said. */
  readonly tokenSource?: string;
  /** Does what there is no MQTT request for. */
  readonly rest: Pick<Backend, "workload">;
  /** Where changes of the connection are logged. */
  readonly logger: Logger;
  /** Times the requests. Default: the machine's clock. */
  readonly clock?: Clock;
  /** How long one request may take, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
}

/**
 * Requests to the backend over a connection of their own, which there is before the node knows who
 * it is, and on which no heartbeat waits behind a large reply.
 */
export class MqttBackend implements Backend {
  readonly #options: MqttControlPlaneOptions;
  readonly #connection: MqttConnection;
  readonly #requests: MqttRequests;

  /** Throws a {@linkcode ConfigError} for a token that no topic can carry. */
  constructor(options: MqttControlPlaneOptions) {
    const { broker, topicPrefix, logger } = options;
    const { clock = systemClock, timeoutMs = 30_000 } = options;
    refuseUnfit(options.token, options.tokenSource);
    addSecret(options.token);
    this.#options = options;
    this.#connection = new MqttConnection({
      ...broker,
      get username() {
        return options.username();
      },
      get password() {
        return broker.password;
      },
      // Nobody waits for an answer that comes after its connection was closed.
      forget: true,
      needs5: true,
      logger,
      onMessage: (message) => this.#requests.receive(message),
      onConnected: () => this.#requests.connected(),
      onFailure: (failure) => this.#requests.failed(failure),
    });
    const responseTopic = clientResponseTopic(topicPrefix, broker.clientId);
    void this.#connection.setTopics([responseTopic]);
    const connection = this.#connection;
    this.#requests = new MqttRequests({
      connection,
      responseTopic,
      get token() {
        return options.token;
      },
      clock,
      timeoutMs,
    });
  }

  /** Keeps up the connection to the broker until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#connection.run(signal);
    this.#requests.closed();
  }

  /** Makes sure that the broker accepts the user name and the password: the backend is not asked. */
  async checkToken(signal?: AbortSignal): Promise<"unknown"> {
    await this.#requests.ready(signal);
    return "unknown";
  }

  /** Creates an instance. It still has to be registered. */
  async createInstance(request: InstanceRequest, signal?: AbortSignal): Promise<Instance> {
    const { topicPrefix, token } = this.#options;
    const answer = await this.#ask({
      topic: instanceRequestTopic(topicPrefix, token),
      name: "request-instance",
      body: newInstanceBody(request),
    }, signal);
    return answer.instance();
  }

  /** Registers the instance `uuid` as running here. `"gone"`: there is no such instance. */
  async register(
    uuid: string,
    { profileSlug }: { profileSlug: string },
    signal?: AbortSignal,
  ): Promise<Instance | "gone"> {
    const answer = await this.#report(uuid, "register", { profile_slug: profileSlug }, signal);
    return answer.status === 404 ? "gone" : answer.instance();
  }

  /** Reports that the instance is alive. `"gone"`: the backend knows no such living instance. */
  async heartbeat({ uuid }: InstanceRef, signal?: AbortSignal): Promise<"alive" | "gone"> {
    const answer = await this.#report(uuid, "heartbeat", {}, signal);
    if (answer.isGone) return "gone";
    answer.result();
    return "alive";
  }

  /** Reports that the instance stopped because it was asked to. */
  async terminated({ uuid }: InstanceRef, signal?: AbortSignal): Promise<void> {
    const answer = await this.#report(uuid, "terminate", {}, signal);
    answer.result();
  }

  /** Reports that the instance cannot work, and why. */
  async failed({ uuid }: InstanceRef, error: string, signal?: AbortSignal): Promise<void> {
    const answer = await this.#report(uuid, "fail", { instance_uuid: uuid, error }, signal);
    answer.result();
  }

  /** Adds to the log of the instance. */
  async log(
    { uuid }: InstanceRef,
    { type, content }: LogEntry,
    signal?: AbortSignal,
  ): Promise<void> {
    const body = { instance_uuid: uuid, log_type: type, log_content: content };
    const answer = await this.#report(uuid, "logs", body, signal);
    answer.result();
  }

  /**
   * What the platform knows about a workload; `undefined` when it knows none such. Asked over REST,
   * for there is no MQTT request for it.
   */
  workload(uuid: string, signal?: AbortSignal): Promise<PlatformWorkload | undefined> {
    return this.#options.rest.workload(uuid, signal);
  }

  /** Asks where the result file at the relative path `filename` is to be put. */
  async signUpload(
    workloadUuid: string,
    filename: string,
    signal?: AbortSignal,
  ): Promise<SignedUpload> {
    const body = { filename };
    const answer = await this.#about(workloadUuid, "request-signed-url", body, signal);
    return answer.signedUpload();
  }

  /** Reports that the result files of a workload are uploaded. */
  async uploadResults(
    workloadUuid: string,
    results: UploadedResults,
    signal?: AbortSignal,
  ): Promise<void> {
    const body = uploadedResultsBody(results);
    const answer = await this.#about(workloadUuid, "upload-results", body, signal);
    answer.result();
  }

  /** Reports something about an instance. */
  async #report(
    uuid: string,
    action: string,
    body: MqttRequest["body"],
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const topic = instanceTopic(this.#options.topicPrefix, checkedId(uuid), action);
    return await this.#ask({ topic, name: topic, body }, signal);
  }

  /** Reports or asks something about a workload. */
  async #about(
    uuid: string,
    action: string,
    body: MqttRequest["body"],
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const topic = workloadTopic(this.#options.topicPrefix, checkedId(uuid), action);
    return await this.#ask({ topic, name: topic, body }, signal);
  }

  async #ask(request: MqttRequest, signal: AbortSignal | undefined): Promise<Answer> {
    const answer = await this.#requests.request(request, signal);
    answer.refuseRejection(tokenName(this.#options.tokenSource));
    return answer;
  }
}

/** Refuses a token that would be something else than one level of a topic. */
function refuseUnfit(token: string, source: string | undefined): void {
  if (/^[\x21-\x7e]{1,10000}$/.test(token) && !/[+#/]/.test(token)) return;
  throw new ConfigError(
    `The ${tokenName(source)} cannot be used over MQTT: it is too long, or holds +, # or /`,
    { hint: "Set control_plane: rest, or use another token" },
  );
}
