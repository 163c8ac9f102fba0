/** The part of a node that takes commands and runs them: a real journal and real shells, no network. */
import { DatabaseSync } from "node:sqlite";
import type { ReplyAddress } from "../../src/commands/reply.ts";
import { Dispatcher } from "../../src/commands/receive.ts";
import type { Uploads } from "../../src/commands/finalizer.ts";
import { Intake, type Replies } from "../../src/commands/accept.ts";
import { Scheduler, type SchedulerSettings } from "../../src/commands/scheduler.ts";
import { statusOutput } from "../../src/commands/status.ts";
import { Tracking } from "../../src/commands/platform_status.ts";
import { Journal, JOURNAL_FILE } from "../../src/journal/journal.ts";
import type { Reply } from "../../src/protocol/response.ts";
import { type Clock, systemClock } from "../../src/time.ts";
import type { Outcome } from "../../src/commands/outcome.ts";
import { Inbox, RecordingLogger } from "./events.ts";
import { fileWritten, HOST, killGroup, WatchedPool } from "./workshop.ts";

/** What may be told about a node's scheduling. */
export interface SchedulingOptions extends Partial<SchedulerSettings> {
  readonly dedupeWindow?: number;
  readonly maxCommandSize?: number;
  readonly clock?: Clock;
  /** Whether commands are started at once. Default: `true`. */
  readonly open?: boolean;
  /** What uploads result files. Default: there are none. */
  readonly uploads?: Uploads;
}

/** A reply as it was sent. */
export type SentReply = { topic: string; output?: string; error?: string } & Reply;

const TRACKING = new Tracking((uuid) => `workloads/${uuid}`);

const NO_UPLOADS: Uploads = {
  claim: () => 0,
  upload: () => Promise.reject(new Error("there is nothing to upload")),
};

const ADDRESS: ReplyAddress = { slug: "my-node", uuid: "u-1", topic: "replies/u-1" };

/** Takes commands and runs them. What it leaves in its folder is there for the next life. */
export class Scheduling implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "cloud_node_scheduling_" });
  readonly workFolder: string = `${this.folder}/work`;
  readonly workloadsFolder: string = `${this.folder}/workloads`;
  readonly logger = new RecordingLogger();
  readonly replies = new Inbox<SentReply>();
  readonly outcomes = new Inbox<Outcome>();
  readonly #lives: Life[] = [];
  #life: Life;

  private constructor(life: (test: Scheduling) => Life) {
    Deno.mkdirSync(this.workFolder);
    Deno.mkdirSync(this.workloadsFolder);
    this.#life = life(this);
    this.#lives.push(this.#life);
  }

  /** Starts to take commands. */
  static async start(options: SchedulingOptions): Promise<Scheduling> {
    const test = new Scheduling((test) => new Life(test, options));
    await test.#life.begin();
    return test;
  }

  get journal(): Journal {
    return this.#life.journal;
  }

  get scheduler(): Scheduler {
    return this.#life.scheduler;
  }

  get intake(): Intake {
    return this.#life.intake;
  }

  /** Sends a message to the node. */
  send(message: unknown, retained = false): void {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    const payload = message instanceof Uint8Array ? message : new TextEncoder().encode(text);
    this.#life.dispatcher.receive({ topic: "commands/u-1", payload, retained });
    this.#life.dispatcher.settle();
  }

  /** Sends a command for inference, or another kind. */
  run(requestId: string, params: Record<string, unknown> = {}, command = "inference"): void {
    this.send({ command, request_id: requestId, params });
  }

  /** The reply to a request, once it is sent. */
  reply(requestId: string): Promise<SentReply> {
    return this.replies.next((reply) => reply.request_id === requestId);
  }

  /** Sends a command and waits for its reply. */
  async ask(message: Record<string, unknown>): Promise<SentReply> {
    this.send(message);
    return await this.reply(message.request_id as string);
  }

  /** What a workload wrote into a file where it runs, once there is a line of it. */
  written(name: string): Promise<string> {
    return fileWritten(`${this.workFolder}/${name}`);
  }

  /** What a file holds that workloads write where they run. */
  read(name: string): string {
    return Deno.readTextFileSync(`${this.workFolder}/${name}`);
  }

  /** Makes SQLite refuse to write to a table, as on a full disk, until the result is disposed. */
  diskFull(table: "commands" | "outbox"): Disposable {
    const path = `${this.folder}/${JOURNAL_FILE}`;
    const events = ["INSERT", "UPDATE"];
    const execute = (statement: (event: string) => string) => {
      using database = new DatabaseSync(path);
      for (const event of events) database.exec(statement(event));
    };
    execute((event) =>
      `CREATE TRIGGER full_${event} BEFORE ${event} ON ${table} BEGIN
         SELECT RAISE(ROLLBACK, 'database or disk is full'); END`
    );
    return { [Symbol.dispose]: () => execute((event) => `DROP TRIGGER full_${event}`) };
  }

  /** Ends this life as the end of the process would, and begins another. */
  async restart(options: SchedulingOptions): Promise<void> {
    await this.#life.end();
    this.#life = new Life(this, options);
    this.#lives.push(this.#life);
    await this.#life.begin();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.scheduler.running();
    await this.#life.end();
    for (const { process } of running) killGroup(process);
    for (const life of this.#lives) await life.exited();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

class Life {
  readonly journal: Journal;
  readonly scheduler: Scheduler;
  readonly intake: Intake;
  readonly dispatcher: Dispatcher;
  readonly #open: boolean;
  #pool!: WatchedPool;

  constructor(test: Scheduling, options: SchedulingOptions) {
    const { folder, workloadsFolder, workFolder, logger } = test;
    const { clock = systemClock, dedupeWindow = 3_600, maxCommandSize = 1024 * 1024 } = options;
    const settings = {
      concurrency: { inference: 1, training: 1, simulate: 1 },
      maxQueued: { inference: 10, training: 10, simulate: 10 },
      timeout: {},
      cancelGrace: 10,
      maxOutput: 1024 * 1024,
      uploadResults: true,
      ...options,
    };
    const { inference, training, simulate } = settings;
    const templates = { inference, training, simulate };
    this.#open = options.open ?? true;
    this.journal = Journal.open(folder, { clock, logger });
    const sent = ({ topic, payload }: { topic: string; payload: Uint8Array }) =>
      test.replies.push({ topic, ...JSON.parse(new TextDecoder().decode(payload)) });
    const replies: Replies = { post: sent, send: (messages) => messages.forEach(sent) };
    const context = { host: HOST, clock, logger };
    const scheduler = this.scheduler = new Scheduler({
      settings,
      journal: this.journal,
      replies,
      tracking: TRACKING,
      uploads: options.uploads ?? NO_UPLOADS,
      workloadsFolder,
      context,
      createPool: (onReady) =>
        this.#pool = new WatchedPool({
          size: 2,
          workloadsFolder,
          workFolder,
          env: { PATH: Deno.env.get("PATH")! },
          templates,
          ...context,
          onReady,
        }),
      onAnswered: (outcome) => test.outcomes.push(outcome),
    });
    this.intake = new Intake({
      templates,
      dedupeWindow,
      journal: this.journal,
      scheduler,
      replies,
      tracking: TRACKING,
      workloadsFolder,
      clock,
      logger,
    });
    this.dispatcher = new Dispatcher({
      intake: this.intake,
      scheduler,
      maxCommandSize,
      logger,
      address: () => ADDRESS,
      status: () =>
        statusOutput({
          ...ADDRESS,
          ...templates,
          profileSlug: "default",
          running: scheduler.running(),
          queued: scheduler.queued,
          now: clock.now(),
        }),
      post: sent,
    });
  }

  async begin(): Promise<void> {
    await this.scheduler.recover();
    if (this.#open) this.scheduler.open();
  }

  async end(): Promise<void> {
    await this.scheduler.leave();
    this.journal[Symbol.dispose]();
  }

  /** Resolves when every process of this life has ended. */
  exited(): Promise<void> {
    return this.#pool.exited();
  }
}
