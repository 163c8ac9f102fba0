import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { exchange, ExchangeError } from "../../../src/executors/server/exchange.ts";

/** What a raw server does with each connection. */
type Behaviour = (connection: Deno.Conn, request: string) => Promise<void>;

/** A server that speaks no HTTP of its own. */
class RawServer implements AsyncDisposable {
  connections = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #done: Promise<void>;

  constructor(behave: Behaviour) {
    this.#done = this.#accept(behave);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}/predict`;
  }

  async #accept(behave: Behaviour): Promise<void> {
    const handled: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.connections++;
      this.#open.add(connection);
      handled.push(this.#handle(connection, behave));
    }
    await Promise.all(handled);
  }

  async #handle(connection: Deno.Conn, behave: Behaviour): Promise<void> {
    try {
      const bytes = new Uint8Array(65_536);
      const read = await connection.read(bytes) ?? 0;
      await behave(connection, new TextDecoder().decode(bytes.subarray(0, read)));
    } catch {
      // The client has closed it.
    }
    this.#close(connection);
  }

  #close(connection: Deno.Conn): void {
    if (this.#open.delete(connection)) connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) this.#close(connection);
    await this.#done;
  }
}

const write = async (connection: Deno.Conn, text: string) => {
  await connection.write(new TextEncoder().encode(text));
};

/** Sends a request. */
async function send(url: string, signal = new AbortController().signal, body = '{"x":1}') {
  let text = "";
  const decoder = new TextDecoder();
  let sending = 0;
  const head = await exchange({ method: "POST", url, headers: { "X-Key": "k" }, body }, {
    signal,
    onSending: () => sending++,
    onBody: (bytes) => text += decoder.decode(bytes, { stream: true }),
  });
  return { status: head.status, text, sending, header: head.header };
}

Deno.test("exchange: a request is sent with its headers, and the whole answer is taken", async () => {
  let seen = "";
  await using server = new RawServer(async (connection, request) => {
    seen = request;
    await write(
      connection,
      "HTTP/1.1 201 X\r\nRetry-After: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
    );
  });
  const { status, text, sending, header } = await send(server.url);
  assertEquals([status, text, sending, header("retry-after")], [201, "abc", 1, "3"]);
  assertEquals(seen.split("\r\n")[0], "POST /predict HTTP/1.1");
  assertEquals(/^x-key: k$/mi.test(seen) && /^content-type: application\/json$/mi.test(seen), true);
  assertEquals(seen.endsWith('\r\n\r\n{"x":1}'), true);
});

const DEATHS: Readonly<Record<string, string>> = {
  "before an answer": "",
  "in the middle of an answer": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
  "in the middle of an answer in chunks":
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
  "after something that is no HTTP": "hello\r\n\r\n",
};

for (const [when, answer] of Object.entries(DEATHS)) {
  Deno.test(`exchange: a connection that dies ${when} was sent, and is not sent again`, async () => {
    await using server = new RawServer(async (connection) => {
      if (answer !== "") await write(connection, answer);
    });
    const error = await assertRejects(() => send(server.url), ExchangeError);
    assertEquals([error.sent, server.connections], [true, 1]);
  });
}

Deno.test("exchange: a server that closes connections which are kept open gets each request once", async () => {
  const requests: string[] = [];
  await using server = new RawServer(async (connection, request) => {
    requests.push(request);
    await write(
      connection,
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
    );
    // The next request on this connection would be read, and not be answered.
    await connection.read(new Uint8Array(65_536));
  });
  assertEquals([(await send(server.url)).text, (await send(server.url)).text], ["ok", "ok"]);
  assertEquals([requests.length, server.connections], [2, 2]);
});

Deno.test("exchange: what cannot be reached has got nothing", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error = await assertRejects(() => send(`http://127.0.0.1:${port}/`), ExchangeError);
  assertEquals(error.sent, false);
});

Deno.test("exchange: a redirect is an answer", async () => {
  await using target = new RawServer(() => Promise.resolve());
  await using server = new RawServer(async (connection) => {
    await write(
      connection,
      `HTTP/1.1 307 X\r\nLocation: ${target.url}\r\nContent-Length: 0\r\n\r\n`,
    );
  });
  const { status, header } = await send(server.url);
  assertEquals([status, header("location"), target.connections], [307, target.url, 0]);
});

Deno.test("exchange: a signal ends it, with its reason", async () => {
  const stop = new AbortController();
  await using server = new RawServer(async (connection) => {
    stop.abort(new Error("enough"));
    await connection.read(new Uint8Array(1));
  });
  const error = await assertRejects(() => send(server.url, stop.signal), Error);
  assertEquals(error.message, "enough");
});

Deno.test("exchange: an answer that a signal ends is none, also where its end is that of the connection", async () => {
  await using server = new RawServer(async (connection, request) => {
    assertStringIncludes(request.toLowerCase(), "accept-encoding: identity");
    await write(connection, "HTTP/1.1 200 OK\r\n\r\nthe beginning");
    // Until the client closes it.
    await connection.read(new Uint8Array(1));
  });
  const stop = new AbortController();
  const sent = exchange({ method: "POST", url: server.url, headers: {} }, {
    signal: stop.signal,
    onBody: () => stop.abort(new Error("enough")),
  });
  await assertRejects(() => sent, Error, "enough");
});

Deno.test("exchange: 16 MB go and come back", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => new Response(await request.arrayBuffer()),
  );
  const body = JSON.stringify("x".repeat(16_000_000));
  const { text } = await send(
    `http://127.0.0.1:${server.addr.port}/`,
    new AbortController().signal,
    body,
  );
  assertEquals(text === body, true);
});
