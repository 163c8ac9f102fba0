import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { RestBackend, type RestOptions } from "../../src/backend/rest_backend.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { AuthenticationError, BackendError } from "../../src/errors.ts";

const TOKEN = "token-for-tests";
const NODE = { uuid: "u1", slug: "my-node" };

function connect(url: string, options: Partial<RestOptions> = {}): RestBackend {
  return new RestBackend({ apiUrl: url, token: TOKEN, ...options });
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

Deno.test("a token that no header can carry is refused without showing it", () => {
  for (const token of ["", "two words", "line\nbreak", "tökèn", "☃"]) {
    const error = assertThrows(() => connect("http://localhost", { token }), AuthenticationError);
    assertEquals(error.message, "The API token holds characters that no token has");
  }
});

Deno.test("an answer that is not JSON is an error, an empty one is a success", async () => {
  let answer = "<html>Sign in to the hotel's network</html>";
  await using server = answering(() => new Response(answer));
  const { message } = await failure(server.rest.heartbeat(NODE));
  assertMatch(message, /answered 200 with something that is not JSON: "<html>Sign in/);
  answer = "";
  assertEquals(await server.rest.heartbeat(NODE), "alive");
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

Deno.test("an answer that never ends is given up after the timeout", async () => {
  await using backend = EmulatedBackend.start({ token: TOKEN });
  backend.answerNext(() => true, () => new Response(new ReadableStream()));
  const error = await failure(connect(backend.url, { timeoutMs: 50 }).heartbeat(NODE));
  assertMatch(error.message, /got no answer: timed out/);
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
