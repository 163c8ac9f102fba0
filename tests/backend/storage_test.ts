import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type Payload, putPayload } from "../../src/backend/storage.ts";
import { BackendError } from "../../src/errors.ts";

const { signal } = new AbortController();

/** That many bytes, in pieces, each a little different. */
function payload(size: number): Payload {
  return {
    size,
    stream: () =>
      ReadableStream.from((async function* () {
        for (let start = 0; start < size; start += 50_000) {
          yield await new Uint8Array(Math.min(50_000, size - start)).fill(start / 50_000);
        }
      })()),
  };
}

/** A server that takes one request as it comes over the wire, and answers it with `answer`. */
function wire(answer: string, { early = false } = {}) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const request = (async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(65_536);
    let text = "";
    let head: string | undefined;
    for (;;) {
      const read = await connection.read(buffer);
      if (read === null) break;
      text += Array.from(buffer.subarray(0, read), (byte) => String.fromCharCode(byte)).join("");
      const end = text.indexOf("\r\n\r\n");
      head ??= end < 0 ? undefined : text.slice(0, end).toLowerCase();
      const length = Number(/content-length: (\d+)/.exec(head ?? "")?.[1]);
      if (head !== undefined && (early || text.length >= end + 4 + length)) break;
    }
    await connection.write(new TextEncoder().encode(answer));
    return { head: head!, bodyLength: text.length - head!.length - 4 };
  })();
  const port = (listener.addr as Deno.NetAddr).port;
  return {
    url: `http://127.0.0.1:${port}/bucket/name?signature=hunter2`,
    request,
    [Symbol.dispose]: () => listener.close(),
  };
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

for (const size of [0, 1, 300_000]) {
  Deno.test(`${size} bytes go with their Content-Length, not in chunks`, async () => {
    using server = wire(OK);
    const answer = await putPayload(server.url, payload(size), signal);
    assertEquals(answer, { status: 200, code: undefined, retryAfterMs: undefined });
    const { head, bodyLength } = await server.request;
    assertMatch(head, /^put \/bucket\/name\?signature=hunter2 http\/1.1\r\n/);
    assertMatch(head, new RegExp(`^content-length: ${size}$`, "m"));
    assertMatch(head, /^content-type: application\/octet-stream$/m);
    assert(!head.includes("transfer-encoding") && !head.includes("authorization"), head);
    assertEquals(bodyLength, size);
  });
}

Deno.test("a refusal tells the status, the server's own name for it and when to come again", async () => {
  const body = "<?xml version='1.0'?><Error><Code>SlowDown</Code><Secret>x</Secret></Error>";
  const cases: [string, number | undefined][] = [
    ["7", 7_000],
    ["0", 0],
    ["Wed, 21 Oct 2015 07:28:00 GMT", 0],
    ["-1", undefined],
  ];
  for (const [retryAfter, retryAfterMs] of cases) {
    using server = wire(
      `HTTP/1.1 503 No\r\nRetry-After: ${retryAfter}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const answer = await putPayload(server.url, payload(9), signal);
    assertEquals(answer, { status: 503, code: "SlowDown", retryAfterMs });
    await server.request;
  }
});

Deno.test("an answer that comes before all is sent ends in that answer, or in none", async () => {
  using server = wire("HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", {
    early: true,
  });
  try {
    assertEquals((await putPayload(server.url, payload(5_000_000), signal)).status, 413);
  } catch (error) {
    assert(error instanceof BackendError && error.status === undefined, `${error}`);
  }
  await server.request;
});

for (const status of [307, 308]) {
  Deno.test(`a ${status} leads to another server, which gets everything`, async () => {
    using target = wire(OK);
    using server = wire(
      `HTTP/1.1 ${status} There\r\nLocation: ${target.url}\r\nContent-Length: 0\r\n` +
        "Connection: close\r\n\r\n",
    );
    assertEquals((await putPayload(server.url, payload(123_456), signal)).status, 200);
    assertEquals((await server.request).bodyLength, 123_456);
    assertEquals((await target.request).bodyLength, 123_456);
  });
}

Deno.test("redirects to other schemes, to nowhere, to a GET or without end are refused", async () => {
  const cases: [number, string | undefined][] = [
    [307, "ftp://127.0.0.1/?signature=hunter2"],
    [307, "file:///etc/passwd"],
    [308, "data:text/plain,hunter2"],
    [307, undefined],
    [302, "/elsewhere"],
    [303, "/elsewhere"],
    [304, undefined],
  ];
  for (const [status, location] of cases) {
    const header = location === undefined ? "" : `Location: ${location}\r\n`;
    using server = wire(
      `HTTP/1.1 ${status} There\r\n${header}Content-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    const error = await assertRejects(
      () => putPayload(server.url, payload(3), signal),
      BackendError,
      `answered ${status}, a redirect`,
    );
    assert(error.status === status && !error.message.includes("hunter2"), error.message);
    await server.request;
  }
  let calls = 0;
  await using circle = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    calls++;
    return Response.redirect(request.url, 307);
  });
  const url = `http://127.0.0.1:${circle.addr.port}/`;
  await assertRejects(() => putPayload(url, payload(3), signal), BackendError, "a redirect");
  assertEquals(calls, 6);
});

Deno.test("a URL that is not http or https is refused for good, and not repeated", async () => {
  for (const url of ["", "file:///etc/hunter2", "ftp://hunter2", "javascript:hunter2", "hunter2"]) {
    const error = await assertRejects(() => putPayload(url, payload(3), signal), BackendError);
    assert(error.permanent && !error.message.includes("hunter2"), error.message);
  }
});

Deno.test("a server that is away is told of without the query of its URL", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const url = `http://127.0.0.1:${port}/bucket/name?signature=hunter2`;
  const error = await assertRejects(() => putPayload(url, payload(3), signal), BackendError);
  assert(!error.permanent && !error.message.includes("hunter2"), error.message);
  assertMatch(
    error.message,
    /^PUT http:\/\/127\.0\.0\.1:\d+\/bucket\/name got no answer: tcp connect/,
  );
});

Deno.test("a connection that breaks is no answer", async () => {
  for (const answer of ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "rubbish\r\n\r\n"]) {
    using server = wire(answer);
    const error = await assertRejects(
      () => putPayload(server.url, payload(3), signal),
      BackendError,
      "got no answer: ",
    );
    assert(!error.permanent && !error.message.includes("hunter2"), error.message);
    await server.request;
  }
});

Deno.test("an abort breaks a transfer off with its own reason, and closes what was read", async () => {
  await using silent = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    return request.arrayBuffer().then(() => new Response(), () => new Response());
  });
  const stop = new AbortController();
  let closed = false;
  const endless: Payload = {
    size: 1e9,
    stream: () =>
      ReadableStream.from((async function* () {
        try {
          yield new Uint8Array(1000);
          stop.abort(new Error("the node stops"));
          for (;;) yield await Promise.resolve(new Uint8Array(1000));
        } finally {
          closed = true;
        }
      })()),
  };
  const url = `http://127.0.0.1:${silent.addr.port}/`;
  await assertRejects(() => putPayload(url, endless, stop.signal), Error, "the node stops");
  assert(closed);
});
