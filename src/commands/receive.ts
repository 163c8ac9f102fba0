/**
 * Where messages become commands, and each command finds its handler.
 *
 * @module
 */
import { messageOf, quoted } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type Command, decodeCommand } from "../protocol/decode.ts";
import { isWorkloadKind, type WorkloadKind } from "../protocol/kinds.ts";
import { answer, type ReplyAddress } from "./reply.ts";
import { readAnnouncement } from "./announcement.ts";
import { noSuchWorkload, readCancel } from "./cancel.ts";
import type { CancelTarget } from "./cancel.ts";
import type { Message } from "../journal/messages.ts";
import type { StopSignal } from "../os/process_identity.ts";
import type { Cancelled } from "./scheduler.ts";

/** What takes commands for workloads. */
export interface WorkloadIntake {
  /** Takes a command for `settle()`, or answers it at once. */
  submit(kind: WorkloadKind, command: Command, address: ReplyAddress): void;
  /** Answers a command that cannot be taken, and tells the platform if it follows it. */
  refuse(command: Refused, address: ReplyAddress, why: string): void;
  /** Accepts what was submitted, or answers it. Returns when that is on disk. */
  settle(): void;
}

/** A command that is not taken. */
export interface Refused {
  /** What it was to run, for the log. */
  readonly name: string;
  readonly requestId: string | undefined;
  /** The platform's id for the work, when it follows it. */
  readonly workloadUuid: string | undefined;
}

/** What stops workloads. */
export interface Canceller {
  /** Stops a command. `undefined`: there is none. */
  cancel(target: CancelTarget, signal: StopSignal): Cancelled | undefined;
}

/** What a dispatcher works with. */
export interface DispatcherOptions {
  readonly intake: WorkloadIntake;
  readonly scheduler: Canceller;
  readonly maxCommandSize: number;
  readonly logger: Logger;
  /** Who answers now. */
  address(): ReplyAddress;
  /** The output of `status`. */
  status(): string;
  /** Remembers an answer and sends it. */
  post(message: Message): void;
}

/** A message on a command topic. */
export interface CommandMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Whether the broker kept it from long ago. */
  readonly retained: boolean;
}

/** Takes in messages. When `settle` returns, they are remembered or answered. */
export class Dispatcher {
  readonly #options: DispatcherOptions;

  /** Makes a dispatcher. */
  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Remembers the commands that were taken in. */
  settle(): void {
    this.#options.intake.settle();
  }

  /** Takes in a message. */
  receive({ topic, payload, retained }: CommandMessage): void {
    const { maxCommandSize, logger, post, address } = this.#options;
    if (retained) {
      // It would run again at every start: nobody means that.
      logger.warn(
        `Ignored a retained message on ${quoted(topic)}: publish commands without retain`,
      );
      return;
    }
    const decoded = decodeCommand(payload, maxCommandSize);
    switch (decoded.type) {
      case "response":
        return;
      case "invalid":
        if (decoded.requestId === undefined) {
          logger.warn(`Ignored a message on ${quoted(topic)}: it ${decoded.reason}`);
          return;
        }
        logger.warn(`Refused a message on ${quoted(topic)}: it ${decoded.reason}`);
        return post(answer(address(), decoded.requestId, {
          error: `Invalid command: the message ${decoded.reason}`,
        }));
      case "command":
        this.#handle(decoded.command);
    }
  }

  #handle(command: Command): void {
    const { intake, address, status, logger } = this.#options;
    if (isWorkloadKind(command.name)) {
      return intake.submit(command.name, command, address());
    }
    // It may be about one that came just before.
    intake.settle();
    if (command.name === "workload_received") return this.#receiveWorkload(command);
    switch (command.name) {
      case "status":
        return this.#answer(command, { output: status() });
      case "cancel":
        return this.#answer(command, this.#cancel(command));
      default:
        logger.warn(`Refused an unknown command: ${quoted(command.name)}`);
        return this.#answer(command, { error: `Unknown command: ${command.name}` });
    }
  }

  /** Runs what the platform announces, if it says what that is. */
  #receiveWorkload({ requestId, params }: Command): void {
    const { intake, address, post } = this.#options;
    const read = readAnnouncement(params);
    const { workloadUuid } = read;
    if ("error" in read) {
      const refused = { name: "workload_received", requestId, workloadUuid };
      return intake.refuse(refused, address(), read.error);
    }
    const { kind, params: own } = read;
    if (kind === undefined) {
      const output = `Workload ${workloadUuid} received and acknowledged`;
      return post(answer(address(), requestId, { output }));
    }
    intake.submit(kind, { name: kind, requestId, params: own }, address());
  }

  #cancel({ params }: Command): { output: string } | { error: string } {
    const request = readCancel(params);
    if ("error" in request) return request;
    const { target, signal } = request;
    let cancelled: Cancelled | undefined;
    try {
      cancelled = this.#options.scheduler.cancel(target, signal);
    } catch (error) {
      return { error: `Cannot cancel now: ${messageOf(error)}` };
    }
    if (cancelled === undefined) return { error: noSuchWorkload(target) };
    const { command: { kind, requestId }, pid } = cancelled;
    return {
      output: JSON.stringify({
        message: pid === undefined
          ? `Took the waiting ${kind} command out of the queue`
          : `Sent ${signal} to the ${kind} workload with PID ${pid}`,
        pid: pid ?? null,
        workload_type: kind,
        workload_request_id: requestId ?? null,
        signal,
      }),
    };
  }

  #answer(command: Command, result: { output: string } | { error: string }): void {
    this.#options.post(answer(this.#options.address(), command.requestId, result));
  }
}
