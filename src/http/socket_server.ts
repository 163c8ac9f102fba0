/**
 * A server on a unix socket. By `Deno.serve`, because children of this process inherit the sockets at
 * paths that Node's server listens on (Deno 2.9.6): a workload could answer in the node's place, and
 * the next node would find its place taken. Only the node's user can open connections, and so need
 * not be kept from opening too many.
 *
 * @module
 */
import type { HttpHandler } from "./exchange_over_http.ts";

/** Serves until it is closed, or cannot accept connections any more: the node goes on without it. */
export function serveSocket(path: string, handler: HttpHandler): { close(): Promise<void> } {
  const closing = new AbortController();
  const options = { path, signal: closing.signal, onListen() {} };
  const { finished } = Deno.serve(options, async (request, info) => {
    const left = new AbortController();
    info.completed.catch(() => {}).finally(() => left.abort());
    const { method, url, headers, body } = request;
    return await handler({ method, url, headers, body: body ?? NOTHING, signal: left.signal });
  });
  const ended = finished.catch(() => {});
  return {
    async close() {
      closing.abort();
      await ended;
    },
  };
}

/** The body of a request that has none. */
const NOTHING: AsyncIterable<Uint8Array> = { async *[Symbol.asyncIterator]() {} };
