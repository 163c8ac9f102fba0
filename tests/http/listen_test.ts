import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { answer, textAnswer } from "../../src/http/answers.ts";
import type { HttpServerRequest } from "../../src/http/exchange_over_http.ts";
import { listen, type Listener } from "../../src/http/listen.ts";
import { Inbox, inTime } from "../support/events.ts";

const LIMITS = { connections: 3, headMs: 100, requestMs: 200, checkMs: 20 };

type Handle = (request: HttpServerRequest) => Response | Promise<Response>;

/** A server on loopback for the length of a test, and how to talk to it as no client should. */
class RawServer implements AsyncDisposable {
  private constructor(readonly listener: Listener, readonly port: number) {}

  static async start(handle: Handle, limits = LIMITS): Promise<RawServer> {
    const address = { type: "tcp", hostname: "127.0.0.1", port: 0 } as const;
    const listener = await listen(address, async (request) => await handle(request), limits);
    return new RawServer(listener, Number(new URL(listener.url).port));
  }

  /** Connects and sends something. */
  async connect(text = ""): Promise<Deno.TcpConn> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    if (text !== "") await connection.write(new TextEncoder().encode(text));
    return connection;
  }

  /** All that a connection brings until the server closes it. */
  async whole(connection: Deno.TcpConn): Promise<string> {
    return await inTime(new Response(connection.readable).text().catch(() => ""), "its end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.close();
  }
}

const GET = "GET /x HTTP/1.1\r\nhost: a\r\n";

Deno.test("http: whoever only begins a request is not waited for", async () => {
  await using server = await RawServer.start(() => textAnswer("ok\n"));
  for (const beginning of ["", "GET /", GET, `${GET}x: `]) {
    const text = await server.whole(await server.connect(beginning));
    assert(text === "" || text.startsWith("HTTP/1.1 408 "), text);
  }
  const post = "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{";
  await using slow = await RawServer.start(async ({ body }) => {
    for await (const _ of body);
    return textAnswer("ok\n");
  });
  assert(!(await slow.whole(await slow.connect(post))).includes("200 OK"));
});

Deno.test("http: more connections than there may be are closed, and others get their place", async () => {
  const limits = { ...LIMITS, headMs: 60_000, requestMs: 60_000 };
  await using server = await RawServer.start(() => textAnswer("ok\n"), limits);
  const held = await Promise.all([1, 2, 3].map(() => server.connect(`${GET}x: `)));
  assertEquals(await server.whole(await server.connect(`${GET}\r\n`)), "");
  for (const connection of held) {
    await connection.write(new TextEncoder().encode("y\r\nconnection: close\r\n\r\n"));
    assertStringIncludes(await server.whole(connection), "200 OK");
  }
  const last = await server.connect(`${GET}connection: close\r\n\r\n`);
  assertStringIncludes(await server.whole(last), "200 OK");
});

Deno.test("http: headers and bodies that nobody wants end the connection", async () => {
  await using server = await RawServer.start(() => textAnswer("no\n", 403));
  const huge = await server.connect(`${GET}x: ${"y".repeat(100_000)}\r\n\r\n`);
  assert(!(await server.whole(huge)).includes("403"));
  const post = "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n";
  const unread = await server.whole(await server.connect(`${post}{`));
  assertStringIncludes(unread, "403 Forbidden");
  assertStringIncludes(unread, "connection: close");
});

Deno.test("http: both of a header that comes twice are seen, and a whole URL as it stands", async () => {
  const seen = new Inbox<HttpServerRequest>();
  await using server = await RawServer.start((request) => {
    seen.push(request);
    return textAnswer("ok\n");
  });
  const twice =
    "GET http://evil.example/x?y HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n";
  await server.whole(await server.connect(twice));
  const { headers, url } = await seen.next();
  assertEquals([headers.get("host"), url], ["a, b", "http://evil.example/x?y"]);
});

Deno.test("http: who leaves ends what was made for them", async () => {
  const cancelled = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  await using server = await RawServer.start(({ signal }) => {
    signal.addEventListener("abort", () => left.resolve(), { once: true });
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("data: x\n\n")),
      cancel: () => cancelled.resolve(),
    });
    return answer(body, "text/event-stream");
  });
  const reader = await server.connect(`${GET}\r\n`);
  const bytes = new Uint8Array(10_000);
  let text = "";
  while (!text.includes("data: x")) {
    text += new TextDecoder().decode(bytes.subarray(0, (await reader.read(bytes))!));
  }
  reader.close();
  await inTime(cancelled.promise, "the end of the stream");
  await inTime(left.promise, "the signal");
});

Deno.test("http: the head of a stream is answered, and nothing is made for it", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using server = await RawServer.start(() =>
    answer(new ReadableStream({ cancel: () => cancelled.resolve() }), "text/event-stream")
  );
  const head = "HEAD /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
  assertStringIncludes(await server.whole(await server.connect(head)), "200 OK");
  await inTime(cancelled.promise, "the end of the stream");
});

Deno.test("http: a handler that fails answers nothing, and the server goes on", async () => {
  let isFirst = true;
  await using server = await RawServer.start(() => {
    if (!isFirst) return textAnswer("ok\n");
    isFirst = false;
    throw new Error("no");
  });
  const get = `${GET}connection: close\r\n\r\n`;
  assertEquals(await server.whole(await server.connect(get)), "");
  assertStringIncludes(await server.whole(await server.connect(get)), "200 OK");
});
