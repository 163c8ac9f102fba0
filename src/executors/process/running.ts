/**
 * A workload that runs: shown in the log, stopped when it takes too long or somebody asks for it.
 *
 * @module
 */
import { messageOf, quoted } from "../../errors.ts";
import type { NewCommand, StopRequest } from "../../journal/record.ts";
import type { ProcessIdentity, StopSignal } from "../../os/process_identity.ts";
import type { WorkloadFolder } from "../../workloads/folder.ts";
import { mirrorOutput } from "../../workloads/mirror.ts";
import { stopWorkload, type WorkloadContext } from "./workload.ts";

/** An accepted command, but for its params, which may be large and are in the journal. */
export type Accepted = Omit<NewCommand, "params">;

/** How the log names a command: `inference r1`, or by the node's own id when it came without one. */
export function nameOf(
  { kind, requestId, id }: Pick<Accepted, "kind" | "requestId" | "id">,
): string {
  const name = requestId ?? id;
  return `${kind} ${/^[\w.:-]{1,100}$/.test(name) ? name : quoted(name)}`;
}

/** What makes a running workload. */
export interface RunningOptions {
  readonly command: Accepted;
  readonly process: ProcessIdentity;
  readonly folder: WorkloadFolder;
  /** When it was started, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** What an earlier node was asked: that is carried on. */
  readonly stop?: StopRequest;
  /** How long it may run. */
  readonly timeoutMs?: number;
  /** How long it has between being asked to stop and being killed. */
  readonly graceMs: number;
  /** Whether an earlier node started it, and has shown its output so far. */
  readonly resumed: boolean;
  readonly context: WorkloadContext;
  /** Remembers that it is to be stopped, before it is. */
  remember(stop: StopRequest): void;
}

/** One for all of them: to make one takes longer than all else here. */
const ENDED = new Error("The workload has ended");

/** A workload that runs. */
export class RunningWorkload {
  readonly #options: RunningOptions;
  readonly #ended = new AbortController();
  readonly #mirrored: Promise<void>;
  #stopping: Promise<unknown> = Promise.resolve();
  #stop: StopRequest | undefined;

  /** Takes charge of a workload that was just started or found running. */
  constructor(options: RunningOptions) {
    const { command, folder, resumed, stop, timeoutMs, context } = options;
    this.#options = options;
    const { logger, output = logger } = context;
    const show = (line: string) => output.info(`[${nameOf(command)}] ${line}`);
    this.#mirrored = mirrorOutput(folder, show, {
      clock: context.clock,
      ended: this.#ended.signal,
      onlyNew: resumed,
    }).catch((error) => {
      context.logger.warn(`Cannot show the output of ${nameOf(command)}: ${messageOf(error)}`);
    });
    if (stop !== undefined) this.#resumeStop(stop);
    else if (timeoutMs !== undefined) this.#limitTime(timeoutMs);
  }

  /** The command it runs. */
  get command(): Accepted {
    return this.#options.command;
  }

  /** The process that leads it. */
  get process(): ProcessIdentity {
    return this.#options.process;
  }

  /** Its folder. */
  get folder(): WorkloadFolder {
    return this.#options.folder;
  }

  /** Whether an earlier node started it. */
  get resumed(): boolean {
    return this.#options.resumed;
  }

  /** When it was started, in milliseconds since the epoch. */
  get startedAt(): number {
    return this.#options.startedAt;
  }

  /** That it is to be stopped. */
  get stopRequest(): StopRequest | undefined {
    return this.#stop;
  }

  /** Asks it to stop. A second request with another signal sends that one as well. */
  stop(cause: StopRequest["cause"], signal: StopSignal): void {
    this.#send({
      cause: this.#stop?.cause ?? cause,
      signal,
      at: this.#options.context.clock.now(),
    });
  }

  /**
   * Lets go of it: it has ended, or the node does. Resolves when its last output is shown, and what
   * signals it has done so.
   */
  async release(): Promise<void> {
    this.#ended.abort(ENDED);
    await Promise.all([this.#mirrored, this.#stopping]);
  }

  #send(stop: StopRequest, graceMs: number = this.#options.graceMs): void {
    const { process, context } = this.#options;
    this.#remember(stop);
    const escalate = () => this.#remember({ ...stop, signal: "SIGKILL" });
    const request = { first: stop.signal, graceMs, escalate };
    const stopping = stopWorkload(process, request, context, this.#ended.signal);
    this.#stopping = Promise.all([this.#stopping, stopping]);
  }

  #remember(stop: StopRequest): void {
    this.#stop = stop;
    try {
      this.#options.remember(stop);
    } catch (error) {
      this.#options.context.logger.error(
        `Cannot remember that ${nameOf(this.command)} is being stopped: ${messageOf(error)}`,
      );
    }
  }

  #resumeStop(stop: StopRequest): void {
    // The wall clock may have jumped meanwhile: it never gets more than the full grace again.
    const waited = Math.max(0, this.#options.context.clock.now() - stop.at);
    this.#send(stop, Math.max(0, this.#options.graceMs - waited));
  }

  async #limitTime(timeoutMs: number): Promise<void> {
    const { clock, logger } = this.#options.context;
    const ran = Math.max(0, clock.now() - this.#options.startedAt);
    try {
      await clock.sleep(Math.max(0, timeoutMs - ran), this.#ended.signal);
    } catch {
      return;
    }
    if (this.#stop !== undefined) return;
    logger.warn(`${nameOf(this.command)} has run for ${timeoutMs / 1000} s: stopping it`);
    this.stop("timed_out", "SIGTERM");
  }
}
