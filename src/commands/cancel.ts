/**
 * The `cancel` command.
 *
 * @module
 */
import { STOP_SIGNALS, type StopSignal } from "../os/process_identity.ts";
import type { JsonObject } from "../protocol/json.ts";

/** Which workload is meant. */
export type CancelTarget = { readonly pid: number } | { readonly requestId: string };

/** Which command is meant, where the node itself says so: by its own id. */
export type StopTarget = CancelTarget | { readonly id: string };

/** What a `cancel` command asks for, or what is wrong with it. */
export type CancelRequest =
  | { readonly target: CancelTarget; readonly signal: StopSignal }
  | { readonly error: string };

/** Reads the params of a `cancel` command. */
export function readCancel(params: JsonObject): CancelRequest {
  const { pid, workload_request_id: requestId } = params;
  const signal = params.signal ?? "SIGTERM";
  if (!(STOP_SIGNALS as readonly unknown[]).includes(signal)) {
    const text = typeof signal === "string" ? signal : JSON.stringify(signal);
    return { error: `Invalid signal: ${text}. Must be SIGTERM, SIGKILL, or SIGINT` };
  }
  const common = { signal: signal as StopSignal };
  if (typeof pid === "number") return { target: { pid }, ...common };
  if (typeof requestId === "string") return { target: { requestId }, ...common };
  return { error: "Cancel needs params with a pid (number) or a workload_request_id (string)" };
}

/** What is answered when no workload is meant. */
export function noSuchWorkload(target: CancelTarget): string {
  return "pid" in target
    ? `No active workload found with PID ${target.pid}`
    : `No active workload found with request_id ${target.requestId}`;
}
