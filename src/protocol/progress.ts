/**
 * How far a command is, as it reports that itself.
 *
 * @module
 */
import { isJsonObject } from "./json.ts";

/**
 * How far a command is. At least one of `progress` and `message` is there.
 *
 * @example
 * ```ts
 * import type { Progress } from "@cyberwave/cloud-node";
 *
 * const epoch: Progress = { progress: 4, total: 10, message: "epoch 4" };
 * console.log(epoch.progress! / epoch.total!); // 0.4
 * ```
 */
export interface Progress {
  /** How much is done: of `total`, where that is given, else a fraction from 0 to 1, or a count. */
  readonly progress?: number;
  /** How much there is to do. Positive. */
  readonly total?: number;
  /** What the command is doing. */
  readonly message?: string;
}

/**
 * The progress that an untrusted value is; `undefined`: it is none.
 * Members of other names are left out.
 */
export function readProgress(value: unknown): Progress | undefined {
  if (!isJsonObject(value)) return undefined;
  const { progress, total, message } = value;
  if (progress !== undefined && !isAmount(progress)) return undefined;
  if (total !== undefined && !(isAmount(total) && total > 0)) return undefined;
  if (message !== undefined && typeof message !== "string") return undefined;
  if (progress === undefined && message === undefined) return undefined;
  return {
    ...(progress !== undefined && { progress }),
    ...(total !== undefined && { total }),
    ...(message !== undefined && { message }),
  };
}

/** Whether two are the same. */
export function isSameProgress(one: Progress, other: Progress | undefined): boolean {
  return one.progress === other?.progress && one.total === other?.total &&
    one.message === other?.message;
}

/** Which part is done, from 0 to 1; `undefined`: that cannot be told. */
export function fractionOf({ progress, total }: Progress): number | undefined {
  if (progress === undefined) return undefined;
  if (total !== undefined) return Math.min(1, progress / total);
  return progress <= 1 ? progress : undefined;
}

/** What is published of it. */
export function progressMessage(
  command: { readonly requestId: string | undefined; readonly workloadUuid: string | undefined },
  progress: Progress,
): string {
  const { requestId, workloadUuid } = command;
  return JSON.stringify({
    request_id: requestId ?? null,
    ...(workloadUuid !== undefined && { workload_uuid: workloadUuid }),
    ...progress,
  });
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
