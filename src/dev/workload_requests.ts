/**
 * What clients may ask the platform to do: requests for workloads, and which of them are meant. Pure.
 *
 * @module
 */
import type { EmulatedInstance } from "./instances.ts";
import type { Fields } from "./json_answers.ts";
import type { EmulatedWorkload, WorkloadCommand } from "./emulated_workload.ts";

/** A workload that somebody asks for. */
interface WorkloadRequest extends WorkloadCommand {
  /** The hardware and capability profile that it needs. */
  readonly profileSlug: string;
  /** The instance it is for, unless any will do. */
  readonly instanceUuid: string | null;
}

/** The workload that `fields` ask for, or what is wrong with them. */
export function parseWorkloadRequest(fields: Fields): WorkloadRequest | { problem: string } {
  const { profile_slug, instance_uuid, workspace_uuid, command_type, command_params } = fields;
  if (typeof profile_slug !== "string") return { problem: "profile_slug is required" };
  const texts = { instance_uuid, workspace_uuid, command_type };
  for (const [name, value] of Object.entries(texts)) {
    if (typeof (value ?? "") !== "string") return { problem: `${name} must be a string` };
  }
  const params = command_params ?? {};
  if (typeof params !== "object" || Array.isArray(params)) {
    return { problem: "command_params must be an object" };
  }
  return {
    profileSlug: profile_slug,
    instanceUuid: instance_uuid as string ?? null,
    workspaceUuid: workspace_uuid as string ?? undefined,
    commandType: command_type as string ?? undefined,
    commandParams: params as Fields,
  };
}

/** Whether a workload is among those that a query asks for. */
export function isAskedFor(workload: EmulatedWorkload, query: URLSearchParams): boolean {
  const statuses = query.get("statuses")?.split(",");
  const is = (name: string, value: string | null) => !query.has(name) || query.get(name) === value;
  return is("status", workload.status) &&
    (statuses === undefined || statuses.includes(workload.status)) &&
    is("profile_slug", workload.profileSlug) &&
    is("workspace_uuid", workload.workspaceUuid) &&
    is("command_type", workload.commandType);
}

/** The instance that has the least to do of those that can run a workload; `undefined`: none can. */
export function instanceFor(
  workload: EmulatedWorkload,
  instances: Iterable<EmulatedInstance>,
  unfinished: (instanceUuid: string) => number,
): EmulatedInstance | undefined {
  const able = [...instances].filter(({ status, profileSlug }) =>
    status === "registered" && profileSlug === workload.profileSlug
  );
  return able.sort((a, b) => unfinished(a.uuid) - unfinished(b.uuid))[0];
}
