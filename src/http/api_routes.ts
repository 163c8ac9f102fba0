/**
 * The node's HTTP interface for programs: its status and its workloads, as the command line shows them.
 *
 * @module
 */
import { History } from "../journal/history.ts";
import { commandJson } from "../journal/command_json.ts";
import { type CommandRecord, END_CAUSES } from "../journal/record.ts";
import { localStatus } from "../node/local_status.ts";
import { STOP_SIGNALS, type StopSignal } from "../os/process_identity.ts";
import { WorkloadFolder } from "../workloads/folder.ts";
import { outputSize, readOutputAt } from "../workloads/output.ts";
import { answer, errorAnswer, jsonAnswer } from "./answers.ts";
import type { Route, RouteParts, RouteRequest } from "./route.ts";
import { findRecord, noWorkload } from "./workload_record.ts";

/** The path that all of it begins with. */
const BASE = "/api/v1";

/** How many ended workloads are listed by default, and at most. */
const LATEST = 100;
const MAX_LATEST = 10_000;

/** How many bytes of output one answer has at most. */
const MAX_OUTPUT = 1024 * 1024;

/** These routes. */
export const API_ROUTES: readonly Route[] = [
  {
    path: `${BASE}/status`,
    method: "GET",
    handle: ({ node }) => jsonAnswer(localStatus(node.snapshot())),
  },
  { path: `${BASE}/events`, method: "GET", hasEffect: true, handle: showEvents },
  { path: `${BASE}/backlog`, method: "GET", handle: backlog },
  { path: `${BASE}/workloads`, method: "GET", handle: listWorkloads },
  { path: `${BASE}/workloads/{id}`, method: "GET", handle: showWorkload },
  { path: `${BASE}/workloads/{id}/logs`, method: "GET", handle: showLogs },
  { path: `${BASE}/workloads/{id}/cancel`, method: "POST", handle: cancelWorkload },
  {
    path: `${BASE}/drain`,
    method: "POST",
    handle({ node }) {
      node.drain();
      return jsonAnswer({ draining: true }, 202);
    },
  },
];

/** A stream of events, for as long as the client reads it. */
function showEvents({ feed }: RouteParts, { headers }: RouteRequest): Response {
  const events = feed.open(headers.get("last-event-id") ?? undefined);
  if (events !== undefined) return answer(events, "text/event-stream");
  return errorAnswer(503, "not_now", "Too many clients read the events", { "retry-after": "10" });
}

/** How much work there is, for autoscalers. */
function backlog({ node }: RouteParts): Response {
  const lanes = Object.entries(node.snapshot().lanes);
  const sum = (figure: (lane: (typeof lanes)[number][1]) => number) =>
    lanes.reduce((total, [, lane]) => total + figure(lane), 0);
  return jsonAnswer({
    queued: sum(({ queued }) => queued),
    running: sum(({ running }) => running),
    slots: sum(({ concurrency }) => concurrency),
    lanes: Object.fromEntries(
      lanes.map(([kind, { queued, running, concurrency }]) => [
        kind,
        { queued, running, slots: concurrency },
      ]),
    ),
  });
}

function listWorkloads(parts: RouteParts, { query }: RouteRequest): Response {
  const limit = wholeNumber(query.get("limit") ?? String(LATEST));
  if (limit === undefined || limit > MAX_LATEST) {
    return invalid(`limit must be a whole number up to ${MAX_LATEST}`);
  }
  using history = History.open(parts.stateFolder);
  const state = query.get("state");
  if (state === "ended") return pageOfHistory(parts, query, limit, history);
  if (state !== null && state !== "running" && state !== "queued") {
    return invalid("state must be running, queued or ended");
  }
  const records = state === null ? history?.list(limit) : history?.unfinished(state, limit);
  return jsonAnswer({ workloads: toJson(records ?? [], parts) });
}

/** The values of `outcome`. */
const OUTCOMES = ["succeeded", "failed", ...END_CAUSES.filter((cause) => cause !== "exited")];

/** Ended workloads, the latest first; `next` is where the next page begins. */
function pageOfHistory(
  parts: RouteParts,
  query: URLSearchParams,
  limit: number,
  history: History | undefined,
): Response {
  const given = (name: string) => query.get(name) || undefined;
  const outcome = given("outcome");
  if (outcome !== undefined && !OUTCOMES.includes(outcome)) {
    return invalid(`outcome must be one of ${OUTCOMES.join(", ")}`);
  }
  const filter = { kind: given("kind"), outcome, text: given("q"), before: given("before") };
  // One more than asked for shows whether there is a next page.
  const records = history?.ended(filter, limit + 1) ?? [];
  const shown = records.slice(0, limit);
  return jsonAnswer({
    workloads: toJson(shown, parts),
    next: records.length > limit ? shown.at(-1)?.id ?? null : null,
  });
}

function showWorkload(parts: RouteParts, { id }: RouteRequest): Response {
  const record = findRecord(id, parts);
  return record === undefined ? noWorkload() : jsonAnswer(toJson([record], parts)[0]);
}

/** A part of a stream of output, as it is; the header `x-next-offset` says where the next part begins. */
function showLogs(parts: RouteParts, { id, query }: RouteRequest): Response {
  const stream = query.get("stream") ?? "stdout";
  if (stream !== "stdout" && stream !== "stderr") {
    return invalid("stream must be stdout or stderr");
  }
  const offset = wholeNumber(query.get("offset") ?? "0");
  if (offset === undefined) return invalid("offset must be a whole number");
  const tail = query.has("tail") ? wholeNumber(query.get("tail")!) : MAX_OUTPUT;
  if (tail === undefined) return invalid("tail must be a whole number");
  const record = findRecord(id, parts);
  if (record === undefined) return noWorkload();
  using history = History.open(parts.stateFolder);
  const path = `${parts.stateFolder}/workloads/${record.id}`;
  const folder = new WorkloadFolder(path, history?.output(record.id));
  const size = outputSize(folder, stream);
  const start = query.has("tail") ? Math.max(offset, size - tail) : offset;
  const buffer = new Uint8Array(Math.min(Math.max(0, size - start), MAX_OUTPUT));
  const bytes = new Uint8Array(readOutputAt(folder, stream, start, buffer));
  // Never as HTML: a workload may print anything.
  return answer(bytes, "text/plain; charset=utf-8", 200, {
    "x-offset": String(start),
    "x-next-offset": String(start + bytes.length),
  });
}

async function cancelWorkload(parts: RouteParts, { id, body }: RouteRequest): Promise<Response> {
  const signal = signalIn(await body());
  if (signal === undefined) {
    return invalid(`signal must be one of ${STOP_SIGNALS.join(", ")}`);
  }
  const record = findRecord(id, parts);
  if (record === undefined) return noWorkload();
  const isStopped = await parts.node.cancel(record.id, signal);
  if (isStopped) return jsonAnswer({ id: record.id, signal }, 202);
  if (findRecord(record.id, parts)?.state === "ended") {
    return errorAnswer(409, "already_ended", "The workload has ended already");
  }
  // The node is starting and has not recovered it yet, or it is ending just now.
  const error = "The node cannot stop it at this moment: ask again";
  return errorAnswer(503, "not_now", error, { "retry-after": "1" });
}

function signalIn(body: unknown): StopSignal | undefined {
  const { signal = "SIGTERM" } = (body ?? {}) as { signal?: unknown };
  return STOP_SIGNALS.find((name) => name === signal);
}

function toJson(
  records: readonly CommandRecord[],
  { node }: RouteParts,
): Record<string, unknown>[] {
  const running = records.some(({ state }) => state === "running")
    ? new Map(node.snapshot().workloads.map((workload) => [workload.id, workload]))
    : undefined;
  return records.map((record) => {
    const { progress, resources } = running?.get(record.id) ?? {};
    return commandJson(record, progress, resources);
  });
}

function invalid(error: string): Response {
  return errorAnswer(400, "invalid_request", error);
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
