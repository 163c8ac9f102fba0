/**
 * Starts workloads, takes up those of an earlier node, and tells when they end.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { messageOf } from "../../errors.ts";
import type { CommandRecord, StopRequest } from "../../journal/record.ts";
import type { ProcessIdentity } from "../../os/process_identity.ts";
import type { WorkloadKind } from "../../protocol/kinds.ts";
import { type Exit, WorkloadFolder } from "../../workloads/folder.ts";
import { type Accepted, nameOf, RunningWorkload } from "./running.ts";
import { unpack } from "../../commands/image.ts";
import { MAX_INLINE_BODY } from "./shim.ts";
import type { ShellPool, WaitingShell } from "./shell_pool.ts";
import { watch, type WorkloadContext } from "./workload.ts";

/** What a runner works with. */
export interface RunnerOptions {
  readonly context: WorkloadContext;
  readonly workloadsFolder: string;
  /** Seconds after which a kind of workload is stopped. */
  readonly timeout: Readonly<Partial<Record<WorkloadKind, number>>>;
  /** Seconds between asking a workload to stop and killing it. */
  readonly cancelGrace: number;
  readonly pool: ShellPool;
  /** Remembers that a command is to be stopped. */
  requestStop(id: string, stop: StopRequest): void;
  /** Called once for each workload that ended. */
  onEnded(running: RunningWorkload, exit: Exit): void;
}

/** Starts workloads and takes up those of an earlier node. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #leaving = new AbortController();
  readonly #shells = new Set<WaitingShell>();

  /** Makes a runner. */
  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Where the files of a command are. */
  folderOf(id: string): WorkloadFolder {
    return new WorkloadFolder(`${this.#options.workloadsFolder}/${id}`);
  }

  /**
   * Runs a command, which the journal already has as started in this shell. `token` takes the place
   * of the node's own in the workload's environment.
   */
  launch(
    command: Accepted,
    params: string,
    shell: WaitingShell,
    token?: string,
  ): RunningWorkload {
    const { pool, context } = this.#options;
    const folder = this.folderOf(command.id);
    const running = this.#supervise(command, shell.process, folder, {
      startedAt: context.clock.now(),
    });
    this.#shells.add(shell);
    shell.exited.then((exit) => {
      this.#shells.delete(shell);
      if (exit === undefined) this.#watch(running);
      else if (!this.#leaving.signal.aborted) this.#options.onEnded(running, exit);
    });
    this.#handOver(command, params, shell, folder, token);
    pool.fillLater();
    return running;
  }

  /** Takes up a workload of an earlier node. */
  attach(record: CommandRecord): RunningWorkload {
    const running = this.recall(record);
    this.#watch(running);
    return running;
  }

  /** Takes up a workload of an earlier node that has ended meanwhile. */
  recall(record: CommandRecord): RunningWorkload {
    const { handle, startedAt, stop } = record;
    return this.#supervise(record, handle!.process!, this.folderOf(record.id), {
      startedAt: startedAt!,
      stop,
      resumed: true,
    });
  }

  /** Lets go of what runs: it goes on without the node. */
  leave(): void {
    this.#leaving.abort();
    for (const shell of this.#shells) shell.leave();
  }

  #watch(running: RunningWorkload): void {
    const { context, onEnded } = this.#options;
    watch(running.process, running.folder, context, this.#leaving.signal)
      .then((exit) => onEnded(running, exit), () => {});
  }

  #handOver(
    command: Accepted,
    params: string,
    shell: WaitingShell,
    folder: WorkloadFolder,
    token: string | undefined,
  ): void {
    const { logger } = this.#options.context;
    try {
      const files = unpack(params, folder.path);
      const inlineBody = Buffer.byteLength(files[0].bytes) <= MAX_INLINE_BODY;
      if (!inlineBody) {
        logger.info(
          `${nameOf(command)}: the params are larger than ${MAX_INLINE_BODY} bytes, so {body} ` +
            "is the path of a file that holds them",
        );
      }
      shell.run(folder, files, {
        kind: command.kind,
        inlineBody,
        env: {
          CYBERWAVE_REQUEST_ID: command.requestId ?? "",
          CYBERWAVE_INSTANCE_UUID: command.instanceUuid,
          CYBERWAVE_SLUG: command.slug,
          CYBERWAVE_PARAMS_FILE: folder.paramsFile,
          ...(token !== undefined && credentials(token)),
        },
      });
    } catch (error) {
      logger.error(`Cannot start ${nameOf(command)}: ${messageOf(error)}`);
      // Without its line the shell ends, and `exited` tells that the workload never began.
      shell.dismiss();
    }
  }

  #supervise(
    command: Accepted,
    process: ProcessIdentity,
    folder: WorkloadFolder,
    state: { startedAt: number; stop?: StopRequest; resumed?: boolean },
  ): RunningWorkload {
    const { context, timeout, cancelGrace, requestStop } = this.#options;
    const limit = timeout[command.kind];
    return new RunningWorkload({
      command,
      process,
      folder,
      startedAt: state.startedAt,
      stop: state.stop,
      resumed: state.resumed ?? false,
      timeoutMs: limit === undefined ? undefined : limit * 1000,
      graceMs: cancelGrace * 1000,
      context,
      remember: (stop) => requestStop(command.id, stop),
    });
  }
}

/** The variables in which a workload finds what it may show the platform and the broker. */
export function credentials(token: string, mqttPassword: string = token): Record<string, string> {
  return {
    CYBERWAVE_API_KEY: token,
    CYBERWAVE_API_TOKEN: token,
    CYBERWAVE_MQTT_PASSWORD: mqttPassword,
  };
}
