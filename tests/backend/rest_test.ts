import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { RestControlPlane, type RestOptions } from "../../src/backend/rest.ts";
import { EmulatedBackend } from "../../src/dev/backend.ts";
import { AuthenticationError, BackendError } from "../../src/errors.ts";

const TOKEN = "token-for-tests";
const NODE = { uuid: "u1", slug: "my-node" };

function connect(url: string, options: Partial<RestOptions> = {}): RestControlPlane {
  return new RestControlPlane({ apiUrl: url, token: TOKEN, ...options });
}

/** A control plane whose backend answers every call with `answer`. */
function answering(answer: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  const url = `http://127.0.0.1:${server.addr.port}`;
  return { rest: connect(url), url, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** A server that treats every connection as `serve` does. */
function rawServer(serve: (connection: Deno.Conn) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    for await (const connection of listener) {
      await serve(connection);
      connection.close();
    }
  })();
  return {
    url: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
    },
  };
}

async function failure(call: Promise<unknown>): Promise<BackendError> {
  return await assertRejects(() => call, BackendError);
}

Deno.test("a node's life in calls: check, create, register, heartbeat, terminate", async () => {
  await using backend = EmulatedBackend.start({ token: TOKEN });
  const rest = connect(backend.url, { workspaceSlug: "my lab&co" });

  await rest.checkToken();
  const instance = await rest.createInstance({
    profileSlug: "gpu",
    slug: "my-node",
    workspaceUuid: "w1",
  });
  assertEquals(await rest.register(instance.uuid, { profileSlug: "gpu" }), instance);
  assertEquals(await rest.heartbeat(instance), "alive");
  await rest.failed(instance, "the install script failed");
  await rest.terminated(instance);

  const path = `/api/v1/cloud-node/${instance.uuid}`;
  const identity = { instance_uuid: instance.uuid, slug: "my-node", workspace_slug: "my lab&co" };
  assertEquals(backend.calls.map(({ method, path, body }) => ({ method, path, body })), [
    { method: "GET", path: "/api/v1/cloud-node/instances", body: undefined },
    {
      method: "POST",
      path: "/api/v1/cloud-node",
      body: {
        profile_slug: "gpu",
        slug: "my-node",
        workspace_uuid: "w1",
        provider: "self-hosted",
        visibility: "private",
      },
    },
    { method: "POST", path: `${path}/register`, body: { profile_slug: "gpu" } },
    { method: "POST", path: `${path}/heartbeat`, body: identity },
    {
      method: "POST",
      path: `${path}/failed`,
      body: { ...identity, error: "the install script failed" },
    },
    { method: "POST", path: `${path}/terminated`, body: identity },
  ]);
  assertEquals(
    new Set(backend.calls.map((call) => call.authorization)),
    new Set([`Token ${TOKEN}`]),
  );
  assertEquals(backend.calls[0].query.get("workspace_slug"), "my lab&co");
  assertEquals(backend.calls[1].query.get("workspace_slug"), "my lab&co");
});

Deno.test("an API under a path, with a user name, is called at that path with the token", async () => {
  let seen = "";
  await using server = answering((request) => {
    seen = `${new URL(request.url).pathname} ${request.headers.get("Authorization")}`;
    return Response.json([]);
  });
  await connect(server.url.replace("//", "//me:secret@") + "/cyberwave/?q#f").checkToken();
  assertEquals(seen, `/cyberwave/api/v1/cloud-node/instances Token ${TOKEN}`);
});

Deno.test("an instance's UUID cannot leave its place in the URL", async () => {
  await using backend = EmulatedBackend.start({ token: TOKEN });
  await connect(backend.url).heartbeat({ uuid: "../a?b#c", slug: "s" });
  assertEquals(backend.calls[0].path, "/api/v1/cloud-node/..%2Fa%3Fb%23c/heartbeat");
});

Deno.test("a rejected token is an authentication error that does not show the token", async () => {
  await using backend = EmulatedBackend.start({ token: "another" });
  const rest = connect(backend.url, { tokenSource: "CYBERWAVE_API_TOKEN" });
  const error = await assertRejects(() => rest.checkToken(), AuthenticationError);
  assertEquals(
    error.message,
    "The backend rejected the API token from CYBERWAVE_API_TOKEN: " +
      `GET ${backend.url}/api/v1/cloud-node/instances answered 401: "Invalid token"`,
  );
});

Deno.test("HTTP 403 is an authentication error too", async () => {
  await using server = answering(() => new Response("Forbidden", { status: 403 }));
  await assertRejects(() => server.rest.heartbeat(NODE), AuthenticationError, "answered 403");
});

Deno.test("a token that no header can carry is refused without showing it", () => {
  for (const token of ["", "two words", "line\nbreak", "tökèn", "☃"]) {
    const error = assertThrows(() => connect("http://localhost", { token }), AuthenticationError);
    assertEquals(error.message, "The API token holds characters that no token has");
  }
});

Deno.test("an unknown instance is gone, for registration and heartbeat alike", async () => {
  await using backend = EmulatedBackend.start({ token: TOKEN });
  const rest = connect(backend.url);
  assertEquals(await rest.register("u1", { profileSlug: "default" }), "gone");
  assertEquals(await rest.heartbeat(NODE), "gone");
  const error = await failure(rest.terminated(NODE));
  assertEquals(error.status, 404);
});

Deno.test("a terminated instance is gone, another bad request is an error", async () => {
  await using backend = EmulatedBackend.start({ token: TOKEN });
  const rest = connect(backend.url);
  const instance = await rest.createInstance({ profileSlug: "default" });
  await rest.terminated(instance);
  assertEquals(await rest.heartbeat(instance), "gone");

  backend.answerNext(() => true, () => Response.json({ detail: "Bad slug" }, { status: 400 }));
  const error = await failure(rest.heartbeat(instance));
  assertMatch(error.message, /answered 400: "Bad slug"$/);
});

Deno.test("a slug with `terminat` in it does not make a bad request a terminated instance", async () => {
  await using server = answering(() => Response.json({ message: "Busy" }, { status: 400 }));
  await failure(server.rest.heartbeat({ uuid: "terminator", slug: "terminator" }));
});

Deno.test("an error answer keeps its status, and says whether trying again can help", async () => {
  let status = 0;
  await using server = answering(() => new Response("", { status }));
  for (const [code, permanent] of [[400, true], [404, true], [422, true], [429, false]] as const) {
    status = code;
    const error = await failure(server.rest.terminated(NODE));
    assertEquals([error.status, error.permanent], [code, permanent]);
    assertEquals(
      error.message,
      `POST ${server.url}/api/v1/cloud-node/u1/terminated answered ${code}`,
    );
  }
  for (const code of [408, 500, 502, 503, 504]) {
    status = code;
    const error = await failure(server.rest.terminated(NODE));
    assertEquals([error.status, error.permanent], [code, false]);
  }
});

Deno.test("the backend's words are escaped and shortened", async () => {
  await using server = answering(() =>
    Response.json({ message: "\x1b[2J\n" + "x".repeat(5000) }, { status: 500 })
  );
  const { message } = await failure(server.rest.terminated(NODE));
  assertMatch(message, /answered 500: "\\u001b\[2J\\nx{180,200}… \(\d+ characters\)$/);
});

Deno.test("success false is an error whatever the status", async () => {
  await using server = answering(() => Response.json({ success: false, message: "Not now" }));
  const error = await failure(server.rest.heartbeat(NODE));
  assertMatch(error.message, /heartbeat was not successful: "Not now"$/);
  assertEquals(error.permanent, false);
});

Deno.test("an answer that is not JSON is an error, an empty one is a success", async () => {
  let answer = "<html>Sign in to the hotel's network</html>";
  await using server = answering(() => new Response(answer));
  const { message } = await failure(server.rest.heartbeat(NODE));
  assertMatch(message, /answered 200 with something that is not JSON: "<html>Sign in/);
  answer = "";
  assertEquals(await server.rest.heartbeat(NODE), "alive");
});

Deno.test("names that cannot stand in a topic or URL are refused", async () => {
  let answer: unknown;
  await using server = answering(() => Response.json(answer));
  const table: [unknown, RegExp][] = [
    [{ uuid: "../../x", slug: "s" }, /with the uuid "..\/..\/x", which must not hold/],
    [{ uuid: "..", slug: "s" }, /the uuid "..", which must not be/],
    [{ uuid: "u", slug: "a/#" }, /the slug "a\/#", which must not hold/],
    [{ uuid: "u", slug: "" }, /the slug "", which must not be empty/],
    [{ uuid: 7, slug: "s" }, /the uuid 7, which must be a string/],
    [{ success: true }, /the uuid null, which must be a string/],
    [[], /the uuid null, which must be a string/],
  ];
  for (const [given, expected] of table) {
    answer = given;
    assertMatch(
      (await failure(server.rest.createInstance({ profileSlug: "p" }))).message,
      expected,
    );
    assertMatch((await failure(server.rest.register("u", { profileSlug: "p" }))).message, expected);
  }
});

Deno.test("a redirect is refused, and the token does not follow it", async () => {
  await using elsewhere = EmulatedBackend.start({ token: TOKEN });
  await using server = answering(() =>
    new Response(null, { status: 307, headers: { Location: `${elsewhere.url}/x` } })
  );
  const error = await failure(server.rest.checkToken());
  assertMatch(error.message, /answered 307, a redirect to "http:\/\/127\.0\.0\.1:\d+\/x"$/);
  assertMatch(error.hint ?? "", /CYBERWAVE_API_URL/);
  assertEquals(elsewhere.calls, []);
});

Deno.test("an endless answer is cut off", async () => {
  const chunk = new Uint8Array(64 * 1024).fill(32);
  let sent = 0;
  await using server = answering(() =>
    new Response(
      new ReadableStream({
        pull(controller) {
          sent += chunk.length;
          controller.enqueue(chunk);
        },
      }),
    )
  );
  const { message } = await failure(server.rest.heartbeat(NODE));
  assertMatch(message, /heartbeat answered 200 with more than 1 MiB$/);
  assert(sent < 64 * 1024 * 1024);
});

Deno.test("a backend that does not answer is given up after the timeout", async () => {
  await using backend = EmulatedBackend.start({ token: TOKEN });
  backend.answerNext(() => true, () => new Promise(() => {}));
  const error = await failure(connect(backend.url, { timeoutMs: 50 }).heartbeat(NODE));
  assertEquals(
    error.message,
    `POST ${backend.url}/api/v1/cloud-node/u1/heartbeat got no answer: timed out after 0.05 s`,
  );
  assertEquals([error.status, error.permanent], [undefined, false]);
});

Deno.test("an answer that never ends is given up after the timeout", async () => {
  await using backend = EmulatedBackend.start({ token: TOKEN });
  backend.answerNext(() => true, () => new Response(new ReadableStream()));
  const error = await failure(connect(backend.url, { timeoutMs: 50 }).heartbeat(NODE));
  assertMatch(error.message, /got no answer: timed out/);
});

Deno.test("a call that is aborted throws its signal's reason", async () => {
  await using backend = EmulatedBackend.start({ token: TOKEN });
  backend.answerNext(() => true, () => new Promise(() => {}));
  const abort = new AbortController();
  const call = connect(backend.url).heartbeat(NODE, abort.signal);
  await backend.nextCall();
  abort.abort(new Error("stopping"));
  await assertRejects(() => call, Error, "stopping");
});

Deno.test("nobody listening, nobody there and no TLS there are told apart", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await using server = answering(() => new Response());

  const table: [string, RegExp][] = [
    [`http://127.0.0.1:${port}`, /got no answer: .*refused/i],
    ["http://no-such-host.invalid", /got no answer: dns error/],
    [server.url.replace("http:", "https:"), /got no answer: .*corrupt message/],
  ];
  for (const [url, expected] of table) {
    const error = await failure(connect(url, { workspaceSlug: "lab" }).checkToken());
    assertMatch(error.message, expected);
    assert(error.message.startsWith(`GET ${url}/api/v1/cloud-node/instances `), error.message);
    assertEquals([error.status, error.permanent], [undefined, false]);
  }
});

Deno.test("a connection that breaks before the answer is an error worth another try", async () => {
  await using server = rawServer(async (connection) => {
    await connection.read(new Uint8Array(4096));
  });
  const error = await failure(connect(server.url).heartbeat(NODE));
  assertMatch(error.message, /got no answer: /);
  assertEquals(error.permanent, false);
});

Deno.test("a connection that breaks within the answer is an error worth another try", async () => {
  await using server = rawServer(async (connection) => {
    await connection.read(new Uint8Array(4096));
    await connection.write(
      new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
    );
  });
  const error = await failure(connect(server.url).heartbeat(NODE));
  assertMatch(error.message, /got no answer: /);
  assertEquals(error.permanent, false);
});

Deno.test("a server that does not speak HTTP is an error", async () => {
  await using server = rawServer(async (connection) => {
    await connection.read(new Uint8Array(4096));
    await connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n"));
  });
  assertMatch((await failure(connect(server.url).heartbeat(NODE))).message, /got no answer: /);
});
