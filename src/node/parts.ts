/**
 * The parts of a node, joined.
 *
 * @module
 */
import type { Backend } from "../backend/backend.ts";
import { type Inbound, MqttConnection } from "../mqtt/connection.ts";
import { putPayload } from "../backend/storage.ts";
import { Dispatcher } from "../commands/receive.ts";
import { Intake } from "../commands/accept.ts";
import { Scheduler } from "../commands/scheduler.ts";
import { statusOutput } from "../commands/status.ts";
import { Tracking } from "../commands/platform_status.ts";
import type { Settings } from "../config/config.ts";
import { Outbox } from "../outbox/outbox.ts";
import { quoted } from "../errors.ts";
import { Journal } from "../journal/journal.ts";
import { createLogger, type Logger } from "../log.ts";
import type { LineBuffer } from "../logs/line_buffer.ts";
import { LogStream } from "../logs/log_stream.ts";
import { WorkloadOutput } from "../logs/workload_output.ts";
import { type Identity, IdentityStore } from "../registration/identity.ts";
import { Registration } from "../registration/registration.ts";
import {
  clientResponseTopic,
  commandTopic,
  responseTopic,
  topicPrefix,
  workloadTopic,
} from "../protocol/topics.ts";
import { ResultUploads } from "../results/results.ts";
import { clientId } from "../state/client_id.ts";
import { makePrivateFolder } from "../state/private_folder.ts";
import { lockFolder } from "../state/lock.ts";
import { systemClock } from "../time.ts";
import { WorkloadFolder } from "../workloads/folder.ts";
import type { Outcome } from "../commands/outcome.ts";
import type { Host } from "../os/processes.ts";
import { nameOf } from "../executors/process/running.ts";
import { ShellPool } from "../executors/process/shell_pool.ts";
import { brokerOf, isStatusTopic, publisherOver, reportRefusedStatus } from "./publisher.ts";
import { createBackend } from "./create_backend.ts";

/** What a node is made from. */
export interface AssemblyOptions {
  readonly settings: Settings & { readonly token: string };
  /** Where the token came from. */
  readonly tokenSource: string | undefined;
  /** The environment of the workloads. */
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  /** Whether to take one command only. */
  readonly once: boolean;
  /** Makes loggers whose lines the platform is to see. */
  readonly loggerFor: (component: string) => Logger;
  /** Those lines. */
  readonly lines: LineBuffer;
  /** Called when a command was accepted. */
  onAccepted(): void;
  /** Called when an accepted command was answered. */
  onAnswered(outcome: Outcome): void;
}

/** How many shells wait: one is started while another works, and more than these cost memory. */
const WAITING_SHELLS = { min: 2, max: 4 };

/** The parts of a node, joined. Holds the state folder until it is disposed. */
export class Assembly implements Disposable {
  readonly clock = systemClock;
  readonly workloadsFolder: string;
  readonly journal: Journal;
  readonly api: Backend;
  readonly registration: Registration;
  readonly connection: MqttConnection;
  readonly outbox: Outbox;
  readonly scheduler: Scheduler;
  readonly intake: Intake;
  /** `undefined` when no logs are to be sent. */
  readonly logStream: LogStream | undefined;
  readonly #options: AssemblyOptions;
  readonly #lock: Disposable;
  readonly #dispatcher: Dispatcher;
  readonly #logger: Logger;
  readonly #prefix: string;
  readonly #clientId: string;
  /** Where the platform answers statuses. */
  readonly #answersTopic: string;
  readonly #tracking: Tracking;
  #identity: Identity | undefined;
  #topics: readonly string[] = [];

  /** Claims the state folder and builds the parts; nothing moves yet. */
  constructor(options: AssemblyOptions) {
    const { settings, loggerFor } = options;
    const { clock } = this;
    this.#options = options;
    this.#logger = loggerFor("node");
    this.#prefix = topicPrefix(settings.environment);
    makePrivateFolder(settings.stateFolder);
    const files = { clock, logger: loggerFor("state") };
    this.#lock = lockFolder(settings.stateFolder, files);
    try {
      this.workloadsFolder = `${settings.stateFolder}/workloads`;
      makePrivateFolder(this.workloadsFolder);
      this.#clientId = clientId(settings.stateFolder, files);
      this.#answersTopic = clientResponseTopic(this.#prefix, this.#clientId);
      this.#tracking = new Tracking((uuid) => workloadTopic(this.#prefix, uuid, "update-status"));
      this.api = createBackend({
        settings,
        clientId: this.#clientId,
        tokenSource: options.tokenSource,
        logger: loggerFor("control"),
        nodeUuid: () => this.#identity?.uuid ?? this.registration.known?.uuid,
      });
      this.journal = Journal.open(settings.stateFolder, { clock, logger: loggerFor("journal") });
      this.registration = this.#createRegistration();
      this.connection = this.#createConnection();
      this.outbox = new Outbox({
        store: this.journal.messages,
        publisher: publisherOver(this.connection, {
          token: settings.token,
          responseTopic: this.#answersTopic,
        }),
        inOrder: isStatusTopic,
        clock,
        logger: loggerFor("outbox"),
      });
      this.scheduler = this.#createScheduler();
      this.intake = new Intake({
        templates: settings,
        dedupeWindow: settings.dedupeWindow,
        once: options.once,
        journal: this.journal,
        scheduler: this.scheduler,
        replies: this.outbox,
        tracking: this.#tracking,
        workloadsFolder: this.workloadsFolder,
        clock,
        logger: loggerFor("commands"),
      });
      this.#dispatcher = this.#createDispatcher();
      this.logStream = this.#createLogStream();
    } catch (error) {
      this.#lock[Symbol.dispose]();
      throw error;
    }
  }

  /** Closes the journal and gives the state folder free. */
  [Symbol.dispose](): void {
    this.outbox.close();
    if (this.logStream === undefined) this.journal.logPositions.skip();
    this.journal[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }

  /** Who this node is, once it is registered. */
  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Answers to this identity from now on. */
  async become(identity: Identity): Promise<void> {
    this.#identity = identity;
    this.#topics = [identity.uuid, identity.slug].map((name) => commandTopic(this.#prefix, name));
    await this.connection.setTopics([...this.#topics, this.#answersTopic]);
  }

  #createRegistration(): Registration {
    const { settings, loggerFor } = this.#options;
    const parts = { clock: this.clock, logger: loggerFor("presence") };
    const store = new IdentityStore(settings.stateFolder, parts);
    return new Registration(settings, { ...parts, api: this.api, store, random: Math.random });
  }

  #createConnection(): MqttConnection {
    const { settings, loggerFor } = this.#options;
    const username = () => settings.mqttUsername ?? this.#identity?.uuid;
    return new MqttConnection({
      ...brokerOf(settings),
      clientId: this.#clientId,
      get username() {
        return username();
      },
      logger: loggerFor("mqtt"),
      onMessage: (message) => this.#receive(message),
      settle: () => this.#dispatcher.settle(),
      onConnected: () => this.outbox.connected(),
    });
  }

  #createScheduler(): Scheduler {
    const { settings, env, host, loggerFor, onAccepted, onAnswered } = this.#options;
    const { journal, workloadsFolder, clock } = this;
    const logger = loggerFor("workloads");
    // What workloads print reaches the platform from their files, not as lines of the node.
    const output = createLogger("workloads");
    const configured = Object.entries(settings.concurrency)
      .filter(([kind]) => settings[kind as keyof typeof settings.concurrency] !== undefined);
    const atOnce = configured.reduce((sum, [, concurrency]) => sum + concurrency, 0);
    return new Scheduler({
      settings,
      journal,
      replies: this.outbox,
      tracking: this.#tracking,
      uploads: new ResultUploads({
        store: journal.resultFiles,
        api: this.api,
        put: putPayload,
        folder: settings.resultsFolder,
        clock,
        logger: loggerFor("results"),
      }),
      workloadsFolder,
      context: { host, clock, logger, output },
      createPool: (onReady) =>
        new ShellPool({
          size: Math.min(Math.max(atOnce, WAITING_SHELLS.min), WAITING_SHELLS.max),
          workloadsFolder,
          workFolder: settings.workFolder,
          env,
          templates: settings,
          host,
          clock,
          logger,
          onReady,
        }),
      onAccepted,
      onAnswered,
    });
  }

  #createLogStream(): LogStream | undefined {
    const { settings: { logStreamInterval }, lines } = this.#options;
    const { logPositions } = this.journal;
    if (logStreamInterval === 0) {
      logPositions.skip();
      return undefined;
    }
    // Its own trouble is told here alone: sent, it would make more of it.
    const logger = createLogger("logs");
    const fileOf = (id: string, stream: "stdout" | "stderr") =>
      new WorkloadFolder(`${this.workloadsFolder}/${id}`).outputFile(stream);
    return new LogStream({
      api: this.api,
      identity: () => this.#identity!,
      output: new WorkloadOutput({ store: logPositions, fileOf, nameOf, logger }),
      lines,
      intervalMs: logStreamInterval * 1000,
      clock: this.clock,
      logger,
    });
  }

  #createDispatcher(): Dispatcher {
    const { settings, loggerFor } = this.#options;
    return new Dispatcher({
      intake: this.intake,
      scheduler: this.scheduler,
      maxCommandSize: settings.maxCommandSize,
      logger: loggerFor("commands"),
      address: () => {
        const { slug, uuid } = this.#identity!;
        return { slug, uuid, topic: responseTopic(this.#prefix, uuid) };
      },
      status: () =>
        statusOutput({
          ...settings,
          ...this.#identity!,
          running: this.scheduler.running(),
          queued: this.scheduler.queued,
          now: this.clock.now(),
        }),
      post: (message) => this.outbox.post(message),
    });
  }

  #receive(message: Inbound): void {
    // A resumed session may still hold topics of an earlier identity.
    if (this.#topics.includes(message.topic)) return this.#dispatcher.receive(message);
    if (message.topic === this.#answersTopic) return reportRefusedStatus(message, this.#logger);
    this.#logger.warn(`Ignored a message for another node, on ${quoted(message.topic)}`);
  }
}
