/**
 * Carries out `cancel`.
 *
 * @module
 */
import type { StopSignal } from "../os/process_identity.ts";
import type { ObjectText } from "../protocol/object_text.ts";
import type { Acceptor } from "./accept.ts";
import { type CancelTarget, noSuchWorkload, readCancel, sharedWorker } from "./cancel.ts";
import type { Command } from "./command.ts";
import type { CommandQueue } from "./queue.ts";
import type { CommandRunner } from "./run.ts";

/** What cancelling works with. */
interface CommandCancellerParts {
  readonly runner: Pick<CommandRunner, "runs" | "cancel">;
  readonly queue: Pick<CommandQueue, "waiting">;
  readonly acceptor: Pick<Acceptor, "decided">;
}

/** What a `cancel` command means. */
interface FoundCommand {
  readonly command: Command;
  readonly pid: number | undefined;
  readonly isRunning: boolean;
}

/** Carries out `cancel`. */
export class CommandCanceller {
  readonly #parts: CommandCancellerParts;

  /** Makes one. */
  constructor(parts: CommandCancellerParts) {
    this.#parts = parts;
  }

  /** Stops the command that the params of `cancel` name, and returns the answer. */
  async cancel(
    params: ObjectText,
  ): Promise<{ readonly output: string } | { readonly error: string }> {
    const request = readCancel(params);
    if ("error" in request) return request;
    // It may mean a command that came just before.
    await this.#parts.acceptor.decided();
    const { target, signal } = request;
    if ("pid" in target && this.#isShared(target.pid)) return { error: sharedWorker(target.pid) };
    const found = this.#find(target);
    if (found === undefined) return { error: noSuchWorkload(target) };
    const { command, pid, isRunning } = found;
    const { kind, requestId } = command;
    // Answered once that is on disk: the next node must know of it if this one ends.
    const isStopped = await this.#parts.runner.cancel(command, signal, "cancelled");
    if (!isStopped) return { error: noSuchWorkload(target) };
    return {
      output: JSON.stringify({
        message: !isRunning
          ? `Took the waiting ${kind} command out of the queue`
          : `Sent ${signal} to the ${kind} workload${pid === undefined ? "" : ` with PID ${pid}`}`,
        pid: pid ?? null,
        workload_type: kind,
        workload_request_id: requestId ?? null,
        signal,
      }),
    };
  }

  #isShared(pid: number): boolean {
    return this.#parts.runner.runs().some(({ execution }) => execution?.sharedPid === pid);
  }

  /** Stops the command with this id of the node's own, if it has not ended. */
  async cancelById(id: string, signal: StopSignal): Promise<boolean> {
    await this.#parts.acceptor.decided();
    const { runner, queue } = this.#parts;
    const commands = [...runner.runs().map(({ command }) => command), ...queue.waiting()];
    const command = commands.find((command) => command.id === id);
    return command !== undefined && await runner.cancel(command, signal, "cancelled");
  }

  #find(target: CancelTarget): FoundCommand | undefined {
    const { runner, queue } = this.#parts;
    for (const { command, execution } of runner.runs()) {
      const pid = execution?.pid;
      const isMeant = "pid" in target ? pid === target.pid : command.requestId === target.requestId;
      // A command that is about to start has no process yet, and is answered like one that waits.
      if (isMeant) return { command, pid, isRunning: execution !== undefined };
    }
    if ("pid" in target) return undefined;
    const command = queue.waiting().find(({ requestId }) => requestId === target.requestId);
    return command && { command, pid: undefined, isRunning: false };
  }
}
