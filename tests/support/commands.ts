/** The part of a node that takes commands and runs them: real parts, a real journal, no network. */
import { DatabaseSync } from "node:sqlite";
import type { CommandMessage } from "../../src/commands/packet.ts";
import { PlatformStatus } from "../../src/commands/platform_status.ts";
import type { Outcome } from "../../src/commands/outcome.ts";
import type { WorkloadDirectory } from "../../src/commands/recheck.ts";
import type { ReplyAddress } from "../../src/commands/reply.ts";
import type { Run } from "../../src/commands/runner_parts.ts";
import { statusOutput } from "../../src/commands/status.ts";
import type { Results } from "../../src/commands/uploads.ts";
import { infoOf } from "../../src/commands/command.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import type { Executor } from "../../src/executors/executor.ts";
import { ProcessExecutor } from "../../src/executors/process/process_executor.ts";
import { JOURNAL_FILE } from "../../src/journal/database_file.ts";
import { Journal } from "../../src/journal/journal.ts";
import type { Message } from "../../src/journal/messages.ts";
import type { Logger } from "../../src/log.ts";
import {
  type CommandParts,
  type CommandSettings,
  createCommandParts,
} from "../../src/node/create/command_parts.ts";
import { NodeEvents } from "../../src/node/events.ts";
import { WORKLOAD_KINDS, type WorkloadKind } from "../../src/protocol/kinds.ts";
import type { Progress } from "../../src/protocol/progress.ts";
import type { Reply } from "../../src/protocol/response.ts";
import { type Clock, systemClock } from "../../src/time.ts";
import { Inbox, RecordingLogger } from "./events.ts";
import { HOST } from "./executors.ts";
import { fileWritten, wordFrom } from "./files.ts";

/** What may be said about a node's commands. */
export interface CommandsOptions
  extends Partial<CommandSettings>, Partial<Record<WorkloadKind, string>> {
  readonly clock?: Clock;
  /** Whether commands are started at once. Default: `true`. */
  readonly open?: boolean;
  /** Whether to accept one command only. Default: `false`. */
  readonly once?: boolean;
  /** What takes result files. Default: there are none. */
  readonly results?: Results;
  /** What the platform knows of workloads. Default: that each of them runs. */
  readonly directory?: WorkloadDirectory;
  /** What runs commands. Default: processes. */
  readonly executor?: Executor;
  /** Where the parts log. Default: the recording one. */
  readonly logger?: Logger;
}

/** A reply or a status as it was sent. */
export type SentReply = {
  topic: string;
  /** The correlation data it carries, as text. */
  correlation?: string;
  output?: string;
  error?: string;
} & Reply;

/** A workload that says that it began, waits until `letGo()` writes a line, and prints that. */
export const WAITS = `echo "$CYBERWAVE_REQUEST_ID" >>began; ${wordFrom("go")}; echo "$word"`;

/** Results of commands that leave none. */
export const NO_RESULTS: Results = {
  folderFor: (id) => `/nowhere/${id}`,
  createShared: () => {},
  watch: () => Promise.resolve(),
  take: () => Promise.resolve([]),
  record: () => {},
  upload: () => Promise.reject(new Error("there is nothing to upload")),
};

const ALL_RUN: WorkloadDirectory = {
  workload: () => Promise.resolve({ status: "running", instanceUuid: "u-1" }),
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
  /** The progress that was published. */
  readonly progress = new Inbox<Progress>();
  #node!: OneNode;
  #packetId = 0;

  private constructor() {
    Deno.mkdirSync(this.workFolder);
    Deno.mkdirSync(this.workloadsFolder);
  }

  /** Starts to take commands. */
  static async start(options: CommandsOptions): Promise<Commands> {
    const test = new Commands();
    await new Deno.Command("mkfifo", { args: [`${test.workFolder}/go`] }).output();
    await test.begin(options);
    return test;
  }

  get journal(): Journal {
    return this.#node.journal;
  }

  get parts(): CommandParts {
    return this.#node.parts;
  }

  get events(): NodeEvents {
    return this.#node.events;
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
      session: 0,
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

  /** Asks to cancel a command, and resolves with the answer to that. */
  cancel(requestId: string, signal = "SIGTERM"): Promise<SentReply> {
    const params = { workload_request_id: requestId, signal };
    return this.ask({ command: "cancel", request_id: `cancel-${requestId}-${signal}`, params });
  }

  /** The output of `status`. */
  // deno-lint-ignore no-explicit-any
  async status(): Promise<any> {
    const { output } = await this.ask({ command: "status", request_id: crypto.randomUUID() });
    return JSON.parse(output!);
  }

  /** What the platform was told about a workload so far, in order. */
  statuses(workloadUuid = "w-1"): Record<string, unknown>[] {
    return this.replies.all.filter(({ topic }) => topic === `workloads/${workloadUuid}`)
      .map(({ topic: _, ...status }): Record<string, unknown> => status);
  }

  /** The names of those statuses. */
  statusNames(workloadUuid = "w-1"): unknown[] {
    return this.statuses(workloadUuid).map(({ status }) => status);
  }

  /** Resolves when the platform is told that a workload is `status`. */
  async becomes(status: string, workloadUuid = "w-1"): Promise<void> {
    await this.replies.next((sent: { topic: string; status: unknown }) =>
      sent.topic === `workloads/${workloadUuid}` && sent.status === status
    );
  }

  /** The command that runs for a request. */
  runOf(requestId: string): Run | undefined {
    return this.parts.runner.runs().find(({ command }) => command.requestId === requestId);
  }

  /** The pid of a command that runs, once it does. */
  async pidOf(requestId: string): Promise<number> {
    const { pid } = await this.#node.started.next(({ id }) => id === requestId);
    return pid!;
  }

  /** Lets one workload go on that `WAITS`. */
  letGo(line = "done"): Promise<void> {
    return Deno.writeTextFile(`${this.workFolder}/go`, `${line}\n`);
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
    const execute = (statement: (event: string) => string) => {
      for (const event of ["INSERT", "UPDATE"]) this.write(statement(event));
    };
    execute((event) =>
      `CREATE TRIGGER no_${event} BEFORE ${event} ON ${table}
       BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`
    );
    return { [Symbol.dispose]: () => execute((event) => `DROP TRIGGER no_${event}`) };
  }

  /** Changes the journal past the node. */
  write(sql: string): void {
    using database = new DatabaseSync(`${this.folder}/${JOURNAL_FILE}`);
    database.exec(sql);
  }

  /** Makes each statement on a table fail, until the result is disposed. */
  unreadable(table: "commands" | "outbox"): Disposable {
    this.write(`ALTER TABLE ${table} RENAME TO ${table}_away`);
    return {
      [Symbol.dispose]: () => this.write(`ALTER TABLE ${table}_away RENAME TO ${table}`),
    };
  }

  /** How many transactions stand in the write-ahead log of the journal. */
  transactions(): number {
    const wal = Deno.readFileSync(`${this.folder}/${JOURNAL_FILE}-wal`);
    if (wal.length === 0) return 0;
    const view = new DataView(wal.buffer);
    const frame = 24 + view.getUint32(8);
    let count = 0;
    // The last frame of a transaction names the size of the database after it.
    for (let at = 32; at < wal.length; at += frame) if (view.getUint32(at + 4) > 0) count++;
    return count;
  }

  /** Resolves when nothing waits, runs or is sent. */
  async idle(): Promise<void> {
    await this.parts.queue.whenEmpty();
    await this.parts.uploads.done();
  }

  /** Ends this node as the end of the process would. */
  async stop(): Promise<void> {
    await this.#node.leave();
  }

  /** Starts a node where another one has ended. */
  async begin(options: CommandsOptions): Promise<void> {
    this.#node = new OneNode(this, options);
    await this.#node.parts.recover(new AbortController().signal);
    if (options.open ?? true) this.#node.parts.runner.open();
  }

  /** Ends this node and starts another. */
  async restart(options: CommandsOptions): Promise<void> {
    await this.stop();
    await this.begin(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node.kill();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

class OneNode {
  readonly journal: Journal;
  readonly executor: Executor;
  readonly parts: CommandParts;
  readonly events: NodeEvents;
  readonly started = new Inbox<{ id: string | undefined; pid: number | undefined }>();
  #hasLeft = false;

  constructor(test: Commands, options: CommandsOptions) {
    const {
      clock = systemClock,
      logger = test.logger,
      results,
      directory = ALL_RUN,
      once,
      open: _,
      executor,
      inference,
      training,
      simulate,
      ...given
    } = options;
    const kinds = WORKLOAD_KINDS.filter((kind) => options[kind] !== undefined);
    const { folder, workloadsFolder, workFolder } = test;
    const settings = { ...resolveConfig({ stateFolder: folder, token: "t-0" }), ...given };
    this.journal = Journal.open(folder, { clock, logger });
    const send = ({ topic, payload, correlationData }: Message) =>
      test.replies.push({
        topic,
        ...(correlationData && { correlation: new TextDecoder().decode(correlationData) }),
        ...JSON.parse(new TextDecoder().decode(payload)),
      });
    this.events = new NodeEvents(logger);
    this.events.on("ended", ({ outcome }) => test.outcomes.push(outcome));
    this.events.on(
      "started",
      ({ command, pid }) => this.started.push({ id: command.requestId, pid }),
    );
    this.executor = executor ?? new ProcessExecutor({
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
      executors: {
        byName: new Map([["process", this.executor]]),
        kinds,
        of: () => this.executor,
      },
      results: results ?? NO_RESULTS,
      progress: { publish: (_, progress) => test.progress.push(progress) },
      platformStatus: new PlatformStatus((uuid) => `workloads/${uuid}`),
      directory,
      events: this.events,
      workloadsFolder,
      clock,
      logger,
      outputLogger: logger,
      address: () => ADDRESS,
      variablesFor: () => ({}),
      drain: () => this.parts.acceptor.drain(),
      status: () => {
        const { runner, queue, uploads } = this.parts;
        return statusOutput({
          ...ADDRESS,
          profileSlug: "default",
          kinds,
          running: runner.runs().map(({ command, execution, startedAt }) => ({
            ...infoOf(command),
            pid: execution?.pid,
            startedAt,
          })),
          executors: {},
          finalizing: uploads.commands().map(({ workloadUuid }) => workloadUuid),
          queued: queue.waiting().length,
          version: "1.2.3",
          startedAt: clock.now(),
          isDraining: this.parts.acceptor.isDraining,
          pool: undefined,
          lanes: {},
          now: clock.now(),
        });
      },
    });
  }

  /** Ends it. What runs goes on. */
  async leave(): Promise<void> {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    const { runner, uploads } = this.parts;
    await Promise.all([runner.leave(), uploads.leave()]);
    await this.executor[Symbol.asyncDispose]();
    this.journal[Symbol.dispose]();
  }

  /** Ends it with all that runs. */
  async kill(): Promise<void> {
    if (this.#hasLeft) return;
    const { queue } = this.parts;
    for (const command of queue.waiting()) queue.left(command);
    const executions = this.parts.runner.runs().map(({ execution }) => execution);
    const ends = executions.map((execution) => execution?.exit);
    for (const execution of executions) execution?.stop("SIGKILL");
    if (this.executor instanceof ProcessExecutor) await Promise.all(ends);
    await this.leave();
  }
}
