/**
 * The `cancel` command.
 *
 * @module
 */
import { redact } from "../log.ts";
import { STOP_SIGNALS, type StopSignal } from "../os/process_identity.ts";
import { jsonTypeOf } from "../protocol/json.ts";
import type { ObjectText } from "../protocol/object_text.ts";

/** Which workload is meant. */
export type CancelTarget = { readonly pid: number } | { readonly requestId: string };

/** What a `cancel` command asks for, or what is wrong with it. */
type CancelRequest =
  | { readonly target: CancelTarget; readonly signal: StopSignal }
  | { readonly error: string };

/** Reads the params of a `cancel` command. */
export function readCancel(params: ObjectText): CancelRequest {
  const pid = params.get("pid");
  const requestId = params.get("workload_request_id");
  const signal = params.get("signal") ?? "SIGTERM";
  if (!isStopSignal(signal)) {
    const got = typeof signal === "string" ? signal : jsonTypeOf(params.textOf("signal")!);
    return { error: `Invalid signal: ${redact(got)}. Must be SIGTERM, SIGKILL, or SIGINT` };
  }
  if (typeof pid === "number") return { target: { pid }, signal };
  if (typeof requestId === "string") return { target: { requestId }, signal };
  return { error: "Cancel needs params with a pid (number) or a workload_request_id (string)" };
}

/** The answer if there is no such workload. */
export function noSuchWorkload(target: CancelTarget): string {
  return "pid" in target
    ? `No active workload found with PID ${target.pid}`
    : `No active workload found with request_id ${redact(target.requestId)}`;
}

/** The answer if the process runs several commands. */
export function sharedWorker(pid: number): string {
  return `PID ${pid} has several commands in hand: name the one to cancel by its ` +
    "workload_request_id";
}

function isStopSignal(value: unknown): value is StopSignal {
  return (STOP_SIGNALS as readonly unknown[]).includes(value);
}
