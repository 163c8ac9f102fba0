/**
 * What a node reports of a command that runs.
 *
 * @module
 */
import { type Progress, readProgress } from "../protocol/progress.ts";
import { parseObject } from "./command_reply.ts";

/**
 * The progress of a command.
 *
 * @example
 * ```ts
 * import type { CommandProgress } from "@cyberwave/cloud-node";
 *
 * const { progress, total, message }: CommandProgress = { requestId: "r1", progress: 3, total: 10 };
 * console.log(`${progress}/${total} ${message ?? ""}`);
 * ```
 */
export interface CommandProgress extends Progress {
  /** The id of the command. */
  readonly requestId: string;
}

/** Reads a message on a topic of progress; `undefined`: it is none. */
export function decodeProgress(payload: Uint8Array): CommandProgress | undefined {
  const message = parseObject(payload);
  const progress = readProgress(message);
  if (typeof message?.request_id !== "string" || progress === undefined) return undefined;
  return { requestId: message.request_id, ...progress };
}
