/**
 * What a node answers to `status`.
 *
 * @module
 */
import { CloudNodeError } from "../errors.ts";
import { isJsonObject } from "../protocol/json.ts";
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
    slug: String(slug ?? ""),
    instanceUuid: String(instance_uuid ?? ""),
    profileSlug: String(profile_slug ?? ""),
    kinds: WORKLOAD_KINDS.filter((kind) => status[`has_${kind}`] === true),
    isBusy: is_busy === true,
    queued: Number(queued) || 0,
    workloads: (Array.isArray(active_workloads) ? active_workloads : [])
      .filter(isJsonObject)
      .map(({ type, pid, request_id, running_for_seconds }) => ({
        kind: String(type),
        pid: typeof pid === "number" ? pid : undefined,
        requestId: typeof request_id === "string" ? request_id : undefined,
        seconds: Number(running_for_seconds) || 0,
      })),
  };
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
