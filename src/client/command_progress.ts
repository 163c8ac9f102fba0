/**
 * What a node reports of a command that runs.
 *
 * @module
 */
import { parseObject } from "./command_reply.ts";

/**
 * How far a command is.
 *
 * @example
 * ```ts
 * import type { CommandProgress } from "@cyberwave/cloud-node";
 *
 * const { progress, total, message }: CommandProgress = { requestId: "r1", progress: 3, total: 10 };
 * console.log(`${progress}/${total} ${message ?? ""}`);
 * ```
 */
export interface CommandProgress {
  /** The id of the command. */
  readonly requestId: string;
  /** How much is done, in whatever unit the workload counts. */
  readonly progress?: number;
  /** How much there is to do, in the same unit. */
  readonly total?: number;
  /** What the workload says about it. */
  readonly message?: string;
}

/** Reads a message on a topic of progress; `undefined`: it is none. */
export function decodeProgress(payload: Uint8Array): CommandProgress | undefined {
  const { request_id, progress, total, message } = parseObject(payload) ?? {};
  if (typeof request_id !== "string") return undefined;
  return {
    requestId: request_id,
    ...(typeof progress === "number" && { progress }),
    ...(typeof total === "number" && { total }),
    ...(typeof message === "string" && { message }),
  };
}
