/**
 * The `workload_received` command: the platform has given this node a workload.
 *
 * @module
 */
import { isJsonObject, type JsonObject, jsonTypeOf } from "../protocol/json.ts";
import { isWorkloadKind, type WorkloadKind } from "../protocol/kinds.ts";

/** What is announced. */
export interface Announcement {
  readonly workloadUuid: string;
  /** What to run; `undefined`: nothing. */
  readonly kind: WorkloadKind | undefined;
  /** With these params. */
  readonly params: JsonObject;
}

/** Reads the params of a `workload_received` command. */
export function readAnnouncement(params: JsonObject): Announcement | { readonly error: string } {
  const { workload_uuid: workloadUuid, command_type: type, command_params: own = {} } = params;
  if (typeof workloadUuid !== "string") {
    return { error: "workload_received needs params with a workload_uuid (string)" };
  }
  if (type === undefined || type === null || type === "") {
    return { workloadUuid, kind: undefined, params: {} };
  }
  if (typeof type !== "string" || !isWorkloadKind(type)) {
    const name = typeof type === "string" ? type : JSON.stringify(type);
    return { error: `Unknown command: ${name}` };
  }
  if (own !== null && !isJsonObject(own)) {
    return {
      error: `workload_received has "command_params" that are ${jsonTypeOf(own)}, not an object`,
    };
  }
  return { workloadUuid, kind: type, params: { ...own, workload_uuid: workloadUuid } };
}
