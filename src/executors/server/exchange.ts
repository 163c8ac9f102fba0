/**
 * One HTTP request that is sent at most once.
 *
 * Not by `fetch`: where a server closes a connection that was kept open just as the next request is
 * sent on it, both `fetch` and `node:http` with a keep-alive agent send that request again on another
 * connection, a POST as well (Deno 2.9.6). And the error of a `fetch` does not say whether the request
 * was sent; here nothing is, before its socket emits `connect`. So each request has a connection of its
 * own, which takes some 0.1 ms on one machine.
 *
 * @module
 */
import * as http from "node:http";
import * as https from "node:https";
import { messageOf } from "../../errors.ts";
import type { RequestTarget } from "./preset.ts";

/** A request. */
export interface HttpRequest extends RequestTarget {
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. Default: none. */
  readonly body?: string;
}

/** The beginning of an answer. */
interface AnswerHead {
  readonly status: number;
  /** The header of that name, in lower case. */
  header(name: string): string | undefined;
}

/** What an exchange tells while it goes on. */
interface ExchangeOptions {
  /** Aborts it, by closing its connection. */
  readonly signal: AbortSignal;
  /** Called when the request begins to be sent. */
  onSending?(): void;
  /** Takes the body as it comes; what it throws ends the exchange. */
  onBody(bytes: Uint8Array): void;
}

/** There was no whole answer. */
export class ExchangeError extends Error {
  /** Whether the server may have got the request. */
  readonly sent: boolean;

  /** Keeps why. */
  constructor(message: string, sent: boolean, cause?: unknown) {
    super(message, { cause });
    this.name = "ExchangeError";
    this.sent = sent;
  }
}

/**
 * Sends a request and takes its whole answer.
 *
 * @throws {ExchangeError} when there is none; the reason of the signal when that aborts
 */
export async function exchange(
  { method, url, headers, body }: HttpRequest,
  { signal, onSending, onBody }: ExchangeOptions,
): Promise<AnswerHead> {
  signal.throwIfAborted();
  const bytes = body === undefined ? undefined : new TextEncoder().encode(body);
  const { request: open } = url.startsWith("https:") ? https : http;
  const request = open(url, {
    method,
    agent: false,
    headers: {
      Accept: "application/json, */*",
      "Accept-Encoding": "identity",
      ...(bytes !== undefined && { "Content-Type": "application/json" }),
      ...headers,
      ...(bytes !== undefined && { "Content-Length": bytes.length }),
    },
  });
  let sent = false;
  request.once("socket", (socket) => {
    socket.once(url.startsWith("https:") ? "secureConnect" : "connect", () => {
      sent = true;
      onSending?.();
    });
  });
  const abort = () => request.destroy(new Error("aborted"));
  signal.addEventListener("abort", abort, { once: true });
  try {
    const response = await answerTo(request, bytes);
    for await (const piece of response) onBody(piece);
    // Where the end of the connection ends the answer, closing it looks like the end of the answer.
    signal.throwIfAborted();
    if (!response.complete) {
      throw new Error("the connection was closed in the middle of the answer");
    }
    const header = (name: string) => response.headers[name]?.toString();
    return { status: response.statusCode!, header };
  } catch (error) {
    signal.throwIfAborted();
    throw new ExchangeError(messageOf(error), sent, error);
  } finally {
    signal.removeEventListener("abort", abort);
    request.destroy();
  }
}

function answerTo(
  request: http.ClientRequest,
  body: Uint8Array | undefined,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    // It stays: the connection may fail in the middle of the answer as well.
    request.on("error", reject);
    request.end(body);
  });
}
