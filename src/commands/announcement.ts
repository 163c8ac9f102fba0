/**
 * The `workload_received` command: the platform has given this node a workload.
 *
 * @module
 */
import { isJsonObject, type JsonObject, jsonTypeOf } from "../protocol/json.ts";
import { isWorkloadKind, type WorkloadKind } from "../protocol/kinds.ts";
import { type ParamsProblem, readWorkloadUuid, TOKEN_PARAM } from "./params.ts";

/** What is announced. */
export interface Announcement {
  readonly workloadUuid: string;
  /** What to run; `undefined`: nothing. */
  readonly kind: WorkloadKind | undefined;
  /** With these params. */
  readonly params: JsonObject;
}

/** Reads the params of a `workload_received` command, or says what is wrong with them. */
export function readAnnouncement(announced: JsonObject): Announcement | ParamsProblem {
  const workloadUuid = readWorkloadUuid(announced);
  if (workloadUuid === undefined) {
    const error = "workload_received needs params with a workload_uuid (string)";
    return { error, workloadUuid };
  }
  if (typeof workloadUuid === "object") return workloadUuid;
  const { command_type: type, command_params: own } = announced;
  if (type === undefined || type === null || type === "") {
    return { workloadUuid, kind: undefined, params: {} };
  }
  if (typeof type !== "string") {
    const error = `workload_received has a "command_type" that is ${jsonTypeOf(type)}, not a name`;
    return { error, workloadUuid };
  }
  if (!isWorkloadKind(type)) return { error: `Unknown command: ${type}`, workloadUuid };
  const params = own ?? {};
  if (!isJsonObject(params)) {
    const error = `workload_received has "command_params" that are ${
      jsonTypeOf(own)
    }, not an object`;
    return { error, workloadUuid };
  }
  // The token stands with the params of the command, or beside them.
  const { [TOKEN_PARAM]: token } = { ...announced, ...params };
  return {
    workloadUuid,
    kind: type,
    params: {
      ...params,
      workload_uuid: workloadUuid,
      ...(token !== undefined && { [TOKEN_PARAM]: token }),
    },
  };
}
