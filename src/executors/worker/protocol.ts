/**
 * What the node and a worker say to each other: JSON-RPC 2.0, one message a line. Pure.
 *
 * @module
 */
import { isJsonObject } from "../../protocol/json.ts";
import { type Progress, readProgress } from "../../protocol/progress.ts";
import type { TraceHeaders } from "../../protocol/trace_context.ts";

/** A command as a worker gets it. */
export interface WorkerRequest {
  readonly id: string;
  /** The name of the command. */
  readonly method: string;
  /** Its params as JSON, or the file that holds them. */
  readonly params: { readonly json: string } | { readonly file: string };
  readonly requestId: string | undefined;
  readonly resultsFolder: string | undefined;
  /** With which it may act for the node or its workload. */
  readonly token: string | undefined;
  /** The trace it belongs to. */
  readonly trace: TraceHeaders | undefined;
}

/** The line that hands a command over. */
export function requestLine(request: WorkerRequest): string {
  const { id, method, params, requestId, resultsFolder, token, trace } = request;
  const members = [
    '"jsonrpc":"2.0"',
    `"id":${JSON.stringify(id)}`,
    `"method":${JSON.stringify(method)}`,
    "json" in params
      ? `"params":${onOneLine(params.json)}`
      : `"params_file":${JSON.stringify(params.file)}`,
    ...(requestId === undefined ? [] : [`"request_id":${JSON.stringify(requestId)}`]),
    ...(resultsFolder === undefined ? [] : [`"results_folder":${JSON.stringify(resultsFolder)}`]),
    ...(token === undefined ? [] : [`"token":${JSON.stringify(token)}`]),
    ...(trace === undefined ? [] : [`"_meta":${JSON.stringify(trace)}`]),
  ];
  return `{${members.join(",")}}\n`;
}

/** JSON without line breaks, which can only stand between its parts. */
function onOneLine(json: string): string {
  return json.replaceAll(/[\r\n]/g, " ");
}

/** The line that asks a worker to stop a command. */
export function cancelLine(id: string, reason: string): string {
  const params = { requestId: id, reason };
  return `${JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params })}\n`;
}

/** What a line of a worker says. */
export type WorkerMessage =
  | { readonly type: "ready"; readonly concurrency: number | undefined }
  /** The result as JSON text, or a string as it is. */
  | { readonly type: "result"; readonly id: string; readonly output: string }
  | { readonly type: "result_file"; readonly id: string; readonly path: string }
  | { readonly type: "error"; readonly id: string; readonly error: string }
  | { readonly type: "progress"; readonly id: string; readonly progress: Progress };

/** A line of a worker: what it says, and what stands there beside that. */
export interface WorkerLine {
  readonly message?: WorkerMessage;
  /** What is log output; `""`: nothing. */
  readonly log: string;
}

const BEGINNING = /\{\s*"(?:jsonrpc|id|method|result|error|params)"\s*:/g;

/** Reads a line of a worker. Anything that is no message is log output. */
export function readLine(line: string): WorkerLine {
  for (const { index } of line.matchAll(BEGINNING)) {
    const message = messageIn(line.slice(index));
    if (message !== undefined) return { message, log: line.slice(0, index) };
  }
  const id = idOfInvalid(line);
  if (id !== undefined) return { message: { type: "error", id, error: INVALID }, log: line };
  return { log: line };
}

const INVALID =
  "The worker's answer is not valid JSON: NaN and Infinity, for example, are not. The " +
  "log has its line";

/**
 * The id of a response that is no JSON, from its first character to its last: nothing better will come
 * for that command. Python writes NaN, unless it is told not to.
 */
function idOfInvalid(line: string): string | undefined {
  if (!line.startsWith("{") || !line.trimEnd().endsWith("}")) return undefined;
  const end = line.search(/"(?:result|error)"\s*:/);
  if (end === -1 || !line.includes('"jsonrpc"') || isJson(line)) return undefined;
  const head = line.slice(0, end);
  return head.includes('"method"') ? undefined : idIn(head);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The id in the beginning of a response that is too long to be read. */
export function idIn(beginning: string): string | undefined {
  return /"id"\s*:\s*"([\w-]+)"/.exec(beginning)?.[1];
}

function messageIn(text: string): WorkerMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value) || value.jsonrpc !== "2.0") return undefined;
  const { id, method, params } = value;
  if (method === "ready") {
    const concurrency = isJsonObject(params) ? params.concurrency : undefined;
    return {
      type: "ready",
      concurrency: Number.isSafeInteger(concurrency) ? concurrency as number : undefined,
    };
  }
  if (method === "notifications/progress") return progressIn(params);
  if (typeof id !== "string" || method !== undefined) return undefined;
  if (typeof value.result_file === "string") {
    return { type: "result_file", id, path: value.result_file };
  }
  if (Object.hasOwn(value, "result")) return { type: "result", id, output: textOf(value.result) };
  return { type: "error", id, error: errorIn(value.error) };
}

function progressIn(params: unknown): WorkerMessage | undefined {
  if (!isJsonObject(params) || typeof params.progressToken !== "string") return undefined;
  const progress = readProgress(params);
  return progress && { type: "progress", id: params.progressToken, progress };
}

function errorIn(error: unknown): string {
  const message = isJsonObject(error) ? error.message : error;
  return typeof message === "string" && message !== "" ? message : textOf(error ?? null);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
