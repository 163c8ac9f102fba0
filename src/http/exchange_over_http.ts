/**
 * A request to the HTTP server and its answer, translated between the types of Node and those of
 * the web.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/** A request. */
export interface HttpServerRequest {
  readonly method: string;
  /** The target of the request: usually a path. */
  readonly url: string;
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
}

/** Answers a request. Never rejects. */
export type HttpHandler = (request: HttpServerRequest) => Promise<Response>;

/** Has a request answered. Never rejects: a client that leaves has no answer. */
export async function exchangeOverHttp(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handler: HttpHandler,
): Promise<void> {
  const left = new AbortController();
  outgoing.once("close", () => left.abort());
  try {
    const response = await handler({
      method: incoming.method ?? "",
      url: incoming.url ?? "",
      headers: headersOf(incoming),
      body: incoming,
      signal: left.signal,
    });
    // The unread rest of a body would be taken for the next request.
    if (!incoming.complete) outgoing.setHeader("connection", "close");
    await send(response, outgoing, left.signal);
  } catch {
    outgoing.destroy();
  }
}

/** All headers, also those that came twice. */
function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index]!, rawHeaders[index + 1]!);
  }
  return headers;
}

async function send(
  response: Response,
  outgoing: ServerResponse,
  left: AbortSignal,
): Promise<void> {
  const { status, headers, body } = response;
  outgoing.statusCode = status;
  for (const [name, value] of headers) if (name !== "set-cookie") outgoing.setHeader(name, value);
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
  if (isStream(headers)) return await pass(body, outgoing, left);
  const bytes = await response.bytes();
  if (bytes.length > 0 || status !== 304) outgoing.setHeader("content-length", bytes.length);
  outgoing.end(bytes);
}

/** Whether a body has no end yet, or is too long to be kept in memory. */
function isStream(headers: Headers): boolean {
  return headers.has("content-length") || headers.get("content-type") === "text/event-stream";
}

/** Sends a body as fast as the client reads it. */
async function pass(
  body: ReadableStream<Uint8Array> | null,
  outgoing: ServerResponse,
  left: AbortSignal,
): Promise<void> {
  outgoing.flushHeaders();
  const reader = body?.getReader();
  const cancel = () => void reader?.cancel().catch(() => {});
  left.addEventListener("abort", cancel, { once: true });
  // Who asks for the head gets no body.
  if (left.aborted || outgoing.req.method === "HEAD") cancel();
  for (;;) {
    const { value, done } = await reader?.read() ?? { done: true };
    if (done || left.aborted) break;
    if (!outgoing.write(value)) await drained(outgoing, left);
  }
  outgoing.end();
}

/** Resolves when there is room for more, or nobody is there to read it. */
function drained(outgoing: ServerResponse, left: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    outgoing.once("drain", resolve);
    left.addEventListener("abort", () => resolve(), { once: true });
    if (left.aborted) resolve();
  });
}
