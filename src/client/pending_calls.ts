/**
 * The commands that wait for their reply.
 *
 * @module
 */
import type { CommandProgress } from "./command_progress.ts";
import type { CommandReply } from "./command_reply.ts";

/** A command that waits for its reply. */
export interface PendingCall {
  /** The id by which its reply is known. */
  readonly requestId: string;
  /** Its correlation data over MQTT 5, as hex digits. */
  readonly correlation: string;
  /** Called for each report of its progress. */
  readonly onProgress?: (progress: CommandProgress) => void;
  /** Resolves with the reply. */
  readonly reply: Promise<CommandReply>;
  /** Settles `reply`. */
  readonly resolve: (reply: CommandReply) => void;
  /** Settles `reply`. */
  readonly reject: (error: unknown) => void;
}

/** All of one client. */
export class PendingCalls {
  readonly #calls = new Map<string, PendingCall>();

  /**
   * Adds a command, which is removed once its reply is settled.
   *
   * @throws {TypeError} if one with this id waits already
   */
  add(
    requestId: string,
    correlation: string,
    onProgress?: (progress: CommandProgress) => void,
  ): PendingCall {
    if (this.#calls.has(requestId)) {
      throw new TypeError(
        `A command with the request id ${JSON.stringify(requestId)} waits already`,
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<CommandReply>();
    // Those who wait get the rejection, which may come before they do.
    promise.catch(() => {}).finally(() => this.#calls.delete(requestId));
    const call = { requestId, correlation, onProgress, reply: promise, resolve, reject };
    this.#calls.set(requestId, call);
    return call;
  }

  /** Passes a reply to its call, found by correlation data or else by request id. */
  replied(reply: CommandReply, correlation?: string): void {
    const known = correlation === undefined
      ? undefined
      : this.#calls.values().find((call) => call.correlation === correlation);
    const call = known ?? this.#calls.get(reply.requestId ?? "");
    call?.resolve(reply);
  }

  /** Passes a report to its call. */
  progressed(progress: CommandProgress): void {
    const call = this.#calls.get(progress.requestId);
    try {
      const listened: unknown = call?.onProgress?.(progress);
      if (listened instanceof Promise) listened.catch((error) => call?.reject(error));
    } catch (error) {
      call?.reject(error);
    }
  }

  /** Rejects all of them. */
  fail(error: unknown): void {
    for (const { reject } of this.#calls.values()) reject(error);
  }
}
