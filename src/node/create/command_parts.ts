/**
 * The parts that carry a command from its message to its reply, joined.
 *
 * @module
 */
import { Acceptor } from "../../commands/accept.ts";
import { CommandCanceller } from "../../commands/canceller.ts";
import type { CommandEvents } from "../../commands/command_events.ts";
import type { PlatformStatus } from "../../commands/platform_status.ts";
import type { ProgressPublisher } from "../../commands/progress_report.ts";
import { CommandQueue, type Gpus } from "../../commands/queue.ts";
import { CommandReceiver } from "../../commands/receive.ts";
import { PlatformRecheck, type WorkloadDirectory } from "../../commands/recheck.ts";
import { recover } from "../../commands/recover.ts";
import type { ReplyAddress } from "../../commands/reply.ts";
import { CommandRunner } from "../../commands/run.ts";
import { submitCommand, type Submitted } from "../../commands/submit.ts";
import { type Results, Uploads } from "../../commands/uploads.ts";
import type { Settings } from "../../config/config.ts";
import type { Journal } from "../../journal/journal.ts";
import type { Message, Pending } from "../../journal/messages.ts";
import type { Logger } from "../../log.ts";
import type { Clock } from "../../time.ts";
import { WorkloadFolder } from "../../workloads/folder.ts";
import type { Executors } from "./create_executors.ts";

/** The settings that commands depend on. */
export type CommandSettings = Pick<
  Settings,
  | "cancelGrace"
  | "concurrency"
  | "dedupeWindow"
  | "exclusive"
  | "maxCommandSize"
  | "logJobOutput"
  | "maxOutput"
  | "maxQueued"
  | "queuePlatformWorkloads"
  | "timeout"
>;

/** What these parts are made from. */
interface CommandPartsOptions {
  readonly settings: CommandSettings;
  /** Whether to accept one command only. */
  readonly once: boolean;
  readonly journal: Journal;
  readonly outbox: {
    send(messages: readonly Pending[]): void;
    publishNow(message: Message): boolean;
  };
  readonly executors: Executors;
  /** The GPUs to give. Default: commands are given none. */
  readonly gpus?: Gpus;
  readonly results: Results;
  readonly progress: ProgressPublisher;
  readonly platformStatus: PlatformStatus;
  /** What the platform knows about its workloads. */
  readonly directory: WorkloadDirectory;
  readonly events: CommandEvents;
  readonly workloadsFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the output of workloads is logged. */
  readonly outputLogger: Logger;
  /** The identity that replies name, and their topic. */
  address(): ReplyAddress;
  /** The output of `status`. */
  status(): string;
  /** Takes no new commands, and stops the node when all is done. */
  drain(): void;
  /** The variables with which a command may act for the node now, and those of its trace. */
  variablesFor(commandId: string): Readonly<Record<string, string>>;
}

/** The parts that carry a command from its message to its reply. */
export interface CommandParts {
  readonly receiver: CommandReceiver;
  readonly acceptor: Acceptor;
  readonly canceller: CommandCanceller;
  readonly queue: CommandQueue;
  readonly runner: CommandRunner;
  readonly uploads: Uploads;
  readonly recheck: PlatformRecheck;
  /** Recovers what an earlier node left. */
  recover(signal: AbortSignal): Promise<void>;
  folderOf(id: string): WorkloadFolder;
  /**
   * Takes a command that did not come over MQTT. Resolves when it is on disk; rejects when it
   * cannot be stored, or the node is not registered.
   */
  submit(
    payload: Uint8Array,
    userProperties?: Readonly<Record<string, unknown>>,
  ): Promise<Submitted>;
}

/** Makes these parts; nothing is started before `runner.open()`. */
export function createCommandParts(options: CommandPartsOptions): CommandParts {
  const { settings, executors, workloadsFolder, gpus } = options;
  const folderOf = (id: string) => new WorkloadFolder(`${workloadsFolder}/${id}`);
  const queue = new CommandQueue(settings, (kind) => executors.of(kind), gpus);
  const uploads = new Uploads(options);
  const shared = { ...options, gpus, kinds: executors.kinds, queue, uploads, folderOf };
  const runner = new CommandRunner({ ...shared, executors: [...executors.byName.values()] });
  const recheck = new PlatformRecheck({ ...shared, runner });
  const acceptor = new Acceptor({ ...shared, runner, recheck });
  const canceller = new CommandCanceller({ ...shared, runner, acceptor });
  const receiver = new CommandReceiver({ ...shared, acceptor, canceller });
  const executorNamed = (name: string) => executors.byName.get(name);
  return {
    receiver,
    acceptor,
    canceller,
    queue,
    runner,
    uploads,
    recheck,
    folderOf,
    submit: (payload, userProperties = {}) =>
      submitCommand(payload, userProperties, { ...shared, acceptor }),
    recover: (signal) => recover({ ...shared, runner, executorNamed }, signal),
  };
}
