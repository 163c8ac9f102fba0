/**
 * Commands over HTTP: the same messages as over MQTT, handled in the same way, and their replies.
 *
 * @module
 */
import type { RefusalCode } from "../commands/accept.ts";
import { History } from "../journal/history.ts";
import { isAbort } from "../time.ts";
import { answer, errorAnswer, jsonAnswer } from "./answers.ts";
import type { Route, RouteParts, RouteRequest } from "./route.ts";
import { findRecord, noWorkload } from "./workload_record.ts";

/** These routes. */
export const COMMAND_ROUTES: readonly Route[] = [
  { path: "/api/v1/commands", method: "POST", handle: submit },
  { path: "/api/v1/workloads/{id}/reply", method: "GET", handle: showReply },
];

/** For how long a client may wait in one request. */
const MAX_WAIT_SECONDS = 600;

const STATUSES: Readonly<Record<RefusalCode, number>> = {
  invalid_request: 400,
  under_way: 409,
  not_configured: 422,
  draining: 503,
  disk_full: 503,
  queue_full: 503,
};

async function submit(parts: RouteParts, request: RouteRequest): Promise<Response> {
  const { node } = parts;
  const payload = await request.bytes(node.maxCommandSize);
  const { identity, isStopping } = node.snapshot();
  if (isStopping) return errorAnswer(503, "stopping", "The node is stopping");
  if (identity === undefined) {
    return errorAnswer(503, "not_registered", "The node is not registered yet", {
      "retry-after": "1",
    });
  }
  const submitted = await node.submit(payload, {
    traceparent: request.headers.get("traceparent"),
    tracestate: request.headers.get("tracestate"),
  });
  if (submitted.type === "refused") {
    const { code, why } = submitted;
    return errorAnswer(
      STATUSES[code],
      code,
      why,
      code === "queue_full" ? { "retry-after": "5" } : {},
    );
  }
  const { id, requestId } = submitted;
  const reply = await awaitReply(id, parts, request);
  const { state } = findRecord(id, parts) ?? { state: "ended" };
  const headers = { location: `/api/v1/workloads/${id}` };
  const shown = { id, request_id: requestId, state };
  if (reply === undefined) return jsonAnswer(shown, state === "ended" ? 200 : 202, headers);
  // The text as it is: its numbers may have more digits than JavaScript keeps.
  const text = `${JSON.stringify(shown).slice(0, -1)},"reply":${
    new TextDecoder().decode(reply)
  }}\n`;
  return answer(text, "application/json", 200, headers);
}

/** The reply to a command, the same as over MQTT. */
async function showReply(parts: RouteParts, request: RouteRequest): Promise<Response> {
  const record = findRecord(request.id, parts);
  if (record === undefined) return noWorkload();
  const reply = await awaitReply(record.id, parts, request);
  if (reply !== undefined) return answer(reply, "application/json");
  if (findRecord(record.id, parts)?.state !== "ended") {
    return errorAnswer(409, "not_ended", "The workload has not ended");
  }
  return errorAnswer(410, "not_kept", "The reply is no longer kept: see dedupe_window");
}

/** The reply, if there is one now, or within the time that the client wants to wait. */
async function awaitReply(
  id: string,
  parts: RouteParts,
  { headers, signal }: RouteRequest,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const [, seconds = "0"] = /(?:^|[\s,;])wait=(\d{1,9})\b/.exec(headers.get("prefer") ?? "") ?? [];
  const ms = Math.min(Number(seconds), MAX_WAIT_SECONDS) * 1000;
  if (ms > 0) await ended(id, ms, signal, parts);
  using history = History.open(parts.stateFolder);
  return history?.reply(id);
}

/** Resolves when a command has ended, after `ms`, or when `signal` aborts. */
async function ended(
  id: string,
  ms: number,
  signal: AbortSignal,
  parts: RouteParts,
): Promise<void> {
  const { events, clock } = parts.node;
  const over = new AbortController();
  const stop = events.on("ended", ({ command }) => command.id === id && over.abort());
  try {
    if (findRecord(id, parts)?.state === "ended") return;
    const left = AbortSignal.any([signal, over.signal]);
    await clock.sleep(ms, left).catch((error) => {
      if (!isAbort(error, left)) throw error;
    });
  } finally {
    stop();
  }
}
