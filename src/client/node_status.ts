/**
 * What a node answers to `status`.
 *
 * @module
 */
import { CloudNodeError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../protocol/json.ts";
import { WORKLOAD_KINDS, type WorkloadKind } from "../protocol/kinds.ts";

/**
 * A workload that runs on a node.
 *
 * @example
 * ```ts
 * import type { ActiveWorkload } from "@cyberwave/cloud-node";
 *
 * const first: ActiveWorkload = { kind: "training", pid: 4711, requestId: "r1", seconds: 62.5 };
 * console.log(`${first.kind} ${first.requestId} for ${first.seconds} s`);
 * ```
 */
export interface ActiveWorkload {
  /** What it runs, such as `training`. */
  readonly kind: string;
  /** Its process; `undefined` while it starts. */
  readonly pid: number | undefined;
  /** The id of its command, if it came with one. */
  readonly requestId: string | undefined;
  /** For how many seconds it has been running. */
  readonly seconds: number;
}

/**
 * What a node is and does now.
 *
 * @example
 * ```ts
 * import type { NodeStatus } from "@cyberwave/cloud-node";
 *
 * const isFree = ({ isBusy, queued }: NodeStatus) => !isBusy && queued === 0;
 * console.log(typeof isFree); // function
 * ```
 */
export interface NodeStatus {
  /** The slug of the node. */
  readonly slug: string;
  /** The UUID of the node. */
  readonly instanceUuid: string;
  /** Its hardware or capability profile. */
  readonly profileSlug: string;
  /** The kinds of command it is configured for. */
  readonly kinds: readonly WorkloadKind[];
  /** The version of its program, `""` if it does not say so. */
  readonly version: string;
  /** When it was started, in milliseconds since the epoch; `undefined` if it does not say so. */
  readonly startedAt: number | undefined;
  /** Whether it takes no new commands. */
  readonly isDraining: boolean;
  /** The pool it belongs to; `undefined`: none. */
  readonly pool: string | undefined;
  /** How many commands of each kind run and wait, and how many may run. */
  readonly lanes: Readonly<
    Record<
      string,
      { readonly running: number; readonly queued: number; readonly concurrency: number }
    >
  >;
  /** Whether anything runs or is being sent. */
  readonly isBusy: boolean;
  /** How many commands wait for their turn. */
  readonly queued: number;
  /** What runs. */
  readonly workloads: readonly ActiveWorkload[];
}

/** Reads the output of a `status` command. Throws when it is something else. */
export function readNodeStatus(output: string): NodeStatus {
  const status = parse(output);
  const { slug, instance_uuid, profile_slug, is_busy, queued, active_workloads } = status;
  return {
    slug: textOf(slug),
    instanceUuid: textOf(instance_uuid),
    profileSlug: textOf(profile_slug),
    kinds: WORKLOAD_KINDS.filter((kind) => status[`has_${kind}`] === true),
    version: textOf(status.version),
    startedAt: timeOf(status.started_at),
    isDraining: status.is_draining === true,
    pool: typeof status.pool === "string" ? status.pool : undefined,
    lanes: lanesOf(status.lanes),
    isBusy: is_busy === true,
    queued: numberOf(queued),
    workloads: (Array.isArray(active_workloads) ? active_workloads : [])
      .filter(isJsonObject)
      .map(({ type, pid, request_id, running_for_seconds }) => ({
        kind: textOf(type),
        pid: typeof pid === "number" ? pid : undefined,
        requestId: typeof request_id === "string" ? request_id : undefined,
        seconds: numberOf(running_for_seconds),
      })),
  };
}

/** A text that a node sent; anything else becomes an empty text. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function timeOf(value: unknown): number | undefined {
  const time = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

function lanesOf(value: unknown): NodeStatus["lanes"] {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((lane): lane is [string, JsonObject] => isJsonObject(lane[1]))
      .map(([kind, { running, queued, concurrency }]) => [
        kind,
        {
          running: numberOf(running),
          queued: numberOf(queued),
          concurrency: numberOf(concurrency),
        },
      ]),
  );
}

/** A node answered with something that is no answer to the command. */
class UnexpectedAnswerError extends CloudNodeError {
  /** Always 1. */
  readonly exitCode = 1;
}

function parse(output: string): Record<string, unknown> {
  try {
    const status: unknown = JSON.parse(output);
    if (isJsonObject(status)) return status;
  } catch {
    // Reported below.
  }
  throw new UnexpectedAnswerError("The node's answer to status is not a JSON object");
}
