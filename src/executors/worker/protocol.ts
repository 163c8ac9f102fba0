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
  readonly messages: readonly WorkerMessage[];
  /** What is log output; `""`: nothing. */
  readonly log: string;
}

const BEGINNING = /\{\s*"(?:jsonrpc|id|method|result|result_file|error|params)"\s*:/g;

/** At so many places of a line it is tried whether a message begins there. */
const MAX_TRIES = 16;

/**
 * Reads a line of a worker. Anything that is no message is log output. Two threads that print at once
 * may bring more than one message on a line, or a message and something else.
 */
export function readLine(line: string): WorkerLine {
  const atStart = messagesAt(line);
  if (atStart.messages.length > 0) {
    const { messages, log } = atStart.rest.trim() === "" ? NOTHING : readLine(atStart.rest);
    return { messages: [...atStart.messages, ...messages], log };
  }
  for (const { index } of line.matchAll(BEGINNING).take(MAX_TRIES)) {
    const { messages, rest } = messagesAt(line.slice(index));
    if (messages.length > 0 && rest.trim() === "") return { messages, log: line.slice(0, index) };
  }
  const id = idOfInvalid(line);
  const messages: WorkerMessage[] = id === undefined ? [] : [{ type: "error", id, error: INVALID }];
  return { messages, log: line };
}

const NOTHING: WorkerLine = { messages: [], log: "" };

const INVALID =
  "The worker's answer is not valid JSON: NaN and Infinity, for example, are not. The " +
  "log has its line";

/** The messages with which a text begins, and what comes after them. */
function messagesAt(text: string): { messages: WorkerMessage[]; rest: string } {
  const messages: WorkerMessage[] = [];
  let rest = text;
  while (rest.startsWith("{")) {
    const whole = messageIn(rest);
    if (whole !== undefined) return { messages: [...messages, whole], rest: "" };
    const end = endOfObject(rest);
    const message = end === undefined ? undefined : messageIn(rest.slice(0, end));
    if (message === undefined) break;
    messages.push(message);
    rest = rest.slice(end);
  }
  return { messages, rest };
}

/** Where the object ends with which a text begins; `undefined`: it does not. */
function endOfObject(text: string): number | undefined {
  let depth = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isString && character === "\\") at++;
    else if (character === '"') isString = !isString;
    else if (isString) continue;
    else if (character === "{") depth++;
    else if (character === "}" && --depth === 0) return at + 1;
  }
  return undefined;
}

/**
 * The id of a response that is no JSON, from its first character to its last: nothing better will come
 * for that command. Python writes NaN, unless it is told not to.
 */
function idOfInvalid(line: string): string | undefined {
  if (!line.startsWith("{") || !line.trimEnd().endsWith("}")) return undefined;
  return line.includes('"jsonrpc"') && !isJson(line) ? idOfUnreadable(line) : undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The id of a response that cannot be read, or of which there is only the beginning and the end: it
 * stands before the result, or after it, as in the examples of the specification.
 */
export function idOfUnreadable(line: string): string | undefined {
  const end = line.search(/"(?:result|error)"\s*:/);
  if (end === -1) return undefined;
  const head = line.slice(0, end);
  if (head.includes('"method"')) return undefined;
  return (/"id"\s*:\s*"([\w-]+)"/.exec(head) ?? ID_AT_END.exec(line.slice(-200)))?.[1];
}

const ID_AT_END = /,\s*"id"\s*:\s*"([\w-]+)"\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/;

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
    return {
      type: "ready",
      concurrency: isJsonObject(params) ? positive(params.concurrency) : undefined,
    };
  }
  if (method === "notifications/progress") return progressIn(params);
  if (typeof id !== "string" || method !== undefined) return undefined;
  // Libraries that always write both members leave the one that does not count null.
  if (value.error !== undefined && value.error !== null) {
    return { type: "error", id, error: errorIn(value.error) };
  }
  if (typeof value.result_file === "string") {
    return { type: "result_file", id, path: value.result_file };
  }
  if (Object.hasOwn(value, "result")) return { type: "result", id, output: textOf(value.result) };
  return { type: "error", id, error: NO_RESULT };
}

const NO_RESULT = 'The worker\'s answer has neither "result" nor "error"';

function positive(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && value as number > 0 ? value as number : undefined;
}

function progressIn(params: unknown): WorkerMessage | undefined {
  if (!isJsonObject(params) || typeof params.progressToken !== "string") return undefined;
  const progress = readProgress(params);
  return progress && { type: "progress", id: params.progressToken, progress };
}

function errorIn(error: unknown): string {
  const message = isJsonObject(error) ? error.message : error;
  return typeof message === "string" && message !== "" ? message : JSON.stringify(error);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
