/** The part of a node that takes commands and runs them: real parts, a real journal, no network. */
import { DatabaseSync } from "node:sqlite";
import type { CommandMessage } from "../../src/commands/packet.ts";
import { PlatformStatus } from "../../src/commands/platform_status.ts";
import type { Outcome } from "../../src/commands/outcome.ts";
import type { ReplyAddress } from "../../src/commands/reply.ts";
import { statusOutput } from "../../src/commands/status.ts";
import type { Results } from "../../src/commands/uploads.ts";
import { infoOf } from "../../src/commands/command.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import type { Executor } from "../../src/executors/executor.ts";
import { ProcessExecutor } from "../../src/executors/process/process_executor.ts";
import { Journal, JOURNAL_FILE } from "../../src/journal/journal.ts";
import type { Message } from "../../src/journal/messages.ts";
import {
  type CommandParts,
  type CommandSettings,
  createCommandParts,
} from "../../src/node/command_parts.ts";
import { NodeEvents } from "../../src/node/events.ts";
import { inspectHost } from "../../src/os/processes.ts";
import { WORKLOAD_KINDS } from "../../src/protocol/kinds.ts";
import type { Reply } from "../../src/protocol/response.ts";
import { type Clock, systemClock } from "../../src/time.ts";
import { Inbox, RecordingLogger } from "./events.ts";
import { fileWritten } from "./files.ts";

/** What may be said about a node's commands. */
export interface CommandsOptions extends Partial<CommandSettings> {
  readonly clock?: Clock;
  /** Whether commands are started at once. Default: `true`. */
  readonly open?: boolean;
  /** Whether to accept one command only. Default: `false`. */
  readonly once?: boolean;
  /** What takes result files. Default: there are none. */
  readonly results?: Results;
}

/** A reply as it was sent. */
export type SentReply = { topic: string; output?: string; error?: string } & Reply;

/** This machine. */
export const HOST = await inspectHost();

/** Results of commands that leave none. */
export const NO_RESULTS: Results = {
  folderFor: (id) => `/nowhere/${id}`,
  watch: () => Promise.resolve(),
  take: () => Promise.resolve([]),
  record: () => {},
  upload: () => Promise.reject(new Error("there is nothing to upload")),
};

const ADDRESS: ReplyAddress = { slug: "my-node", uuid: "u-1", topic: "replies/u-1" };

/** Takes commands and runs them. What it leaves in its folder is there for the next node. */
export class Commands implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "cloud_node_commands_" });
  readonly workFolder: string = `${this.folder}/work`;
  readonly workloadsFolder: string = `${this.folder}/workloads`;
  readonly logger = new RecordingLogger();
  /** What was sent, replies and statuses, in order. */
  readonly replies = new Inbox<SentReply>();
  readonly outcomes = new Inbox<Outcome>();
  #node!: OneNode;
  #packetId = 0;

  private constructor() {
    Deno.mkdirSync(this.workFolder);
    Deno.mkdirSync(this.workloadsFolder);
  }

  /** Starts to take commands. */
  static async start(options: CommandsOptions): Promise<Commands> {
    const test = new Commands();
    await test.#begin(options);
    return test;
  }

  get journal(): Journal {
    return this.#node.journal;
  }

  get parts(): CommandParts {
    return this.#node.parts;
  }

  /** Sends a message to the node. Resolves when it may be acknowledged. */
  async send(message: unknown, delivery: Partial<CommandMessage> = {}): Promise<void> {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    const payload = message instanceof Uint8Array ? message : new TextEncoder().encode(text);
    await this.parts.receiver.receive({
      topic: "commands/u-1",
      payload,
      retained: false,
      dup: false,
      packetId: ++this.#packetId,
      ...delivery,
    });
  }

  /** Sends a command for inference, or another kind. */
  async run(
    requestId: string,
    params: Record<string, unknown> = {},
    command = "inference",
  ): Promise<void> {
    await this.send({ command, request_id: requestId, params });
  }

  /** The reply to a request, once it is sent. */
  reply(requestId: string): Promise<SentReply> {
    return this.replies.next((reply) => reply.request_id === requestId);
  }

  /** Sends a command and waits for its reply. */
  async ask(message: Record<string, unknown>): Promise<SentReply> {
    const [reply] = await Promise.all([
      this.reply(message.request_id as string),
      this.send(message),
    ]);
    return reply;
  }

  /** The pid of a command that runs, once it does. */
  async pidOf(requestId: string): Promise<number> {
    const { pid } = await this.#node.started.next(({ id }) => id === requestId);
    return pid!;
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
    const execute = (statement: (event: string) => string) => {
      using database = new DatabaseSync(path);
      for (const event of ["INSERT", "UPDATE"]) database.exec(statement(event));
    };
    execute((event) =>
      `CREATE TRIGGER no_${event} BEFORE ${event} ON ${table}
       BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`
    );
    return { [Symbol.dispose]: () => execute((event) => `DROP TRIGGER no_${event}`) };
  }

  /** Resolves when nothing waits, runs or is sent. */
  async idle(): Promise<void> {
    await this.parts.queue.whenEmpty();
    await this.parts.uploads.done();
  }

  /** Ends this node as the end of the process would, and starts another. */
  async restart(options: CommandsOptions): Promise<void> {
    await this.#node.leave();
    await this.#begin(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { runner, queue } = this.parts;
    for (const { execution } of runner.runs()) execution?.stop("SIGKILL");
    for (const command of queue.waiting()) queue.left(command);
    await queue.whenEmpty();
    await this.#node.leave();
    Deno.removeSync(this.folder, { recursive: true });
  }

  async #begin(options: CommandsOptions): Promise<void> {
    this.#node = new OneNode(this, options);
    await this.#node.parts.recover(new AbortController().signal);
    if (options.open ?? true) this.#node.parts.runner.open();
  }
}

class OneNode {
  readonly journal: Journal;
  readonly executor: Executor;
  readonly parts: CommandParts;
  readonly started = new Inbox<{ id: string | undefined; pid: number | undefined }>();

  constructor(test: Commands, { clock = systemClock, results, once, ...given }: CommandsOptions) {
    const { folder, workloadsFolder, workFolder, logger } = test;
    const settings = { ...resolveConfig({ stateFolder: folder, token: "t-0" }), ...given };
    this.journal = Journal.open(folder, { clock, logger });
    const send = ({ topic, payload }: Message) =>
      test.replies.push({ topic, ...JSON.parse(new TextDecoder().decode(payload)) });
    const events = new NodeEvents(logger);
    events.on("ended", ({ outcome }) => test.outcomes.push(outcome));
    events.on("started", ({ command, pid }) => this.started.push({ id: command.requestId, pid }));
    const { inference, training, simulate } = settings;
    this.executor = new ProcessExecutor({
      templates: { inference, training, simulate },
      env: { PATH: Deno.env.get("PATH")! },
      workFolder,
      host: HOST,
      clock,
      logger,
    });
    this.parts = createCommandParts({
      settings,
      once: once ?? false,
      journal: this.journal,
      outbox: {
        send: (messages) => messages.forEach(send),
        publishNow: (message) => {
          send(message);
          return true;
        },
      },
      executors: new Map([["process", this.executor]]),
      results: results ?? NO_RESULTS,
      platformStatus: new PlatformStatus((uuid) => `workloads/${uuid}`),
      events,
      workloadsFolder,
      clock,
      logger,
      outputLogger: logger,
      address: () => ADDRESS,
      status: () => {
        const { runner, queue, uploads } = this.parts;
        return statusOutput({
          ...ADDRESS,
          profileSlug: "default",
          kinds: WORKLOAD_KINDS.filter((kind) => settings[kind] !== undefined),
          running: runner.runs().map(({ command, execution, startedAt }) => ({
            ...infoOf(command),
            pid: execution?.pid,
            startedAt,
          })),
          finalizing: uploads.commands().map(({ workloadUuid }) => workloadUuid),
          queued: queue.waiting().length,
          now: clock.now(),
        });
      },
    });
  }

  async leave(): Promise<void> {
    await this.parts.runner.leave();
    await this.parts.uploads.leave();
    await this.executor[Symbol.asyncDispose]();
    this.journal[Symbol.dispose]();
  }
}
