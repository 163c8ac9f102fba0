import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";

/** Sends a call as a node would; resolves with the status and the JSON answer. */
async function send(
  backend: EmulatedBackend,
  call: string,
  body?: unknown,
  token: string = backend.token,
) {
  const [method, path] = call.split(" ");
  const response = await fetch(`${backend.url}/api/v1/cloud-node${path ?? ""}`, {
    method,
    headers: { Authorization: `Token ${token}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

async function create(backend: EmulatedBackend, body: Record<string, unknown> = {}) {
  return (await send(backend, "POST", { profile_slug: "default", ...body })).body;
}

Deno.test("only its own token is accepted", async () => {
  await using backend = EmulatedBackend.start();
  assertEquals((await send(backend, "GET /instances")).status, 200);
  assertEquals(await send(backend, "GET /instances", undefined, "wrong"), {
    status: 401,
    body: { success: false, message: "Invalid token" },
  });
});

Deno.test("an instance is created with the slug as a hint", async () => {
  await using backend = EmulatedBackend.start();
  const first = await create(backend, { slug: "my-node" });
  const second = await create(backend, { slug: "my-node" });
  const third = await create(backend);
  assertEquals(first, {
    uuid: first.uuid,
    slug: "my-node",
    status: "created",
    profile_slug: "default",
    provider: "self-hosted",
  });
  assertEquals(second.slug, "my-node-2");
  assertMatch(third.slug, /^cloud-node-[0-9a-f]{8}$/);
  assertNotEquals(first.uuid, second.uuid);
});

Deno.test("a create is answered with 200, not 201", async () => {
  await using backend = EmulatedBackend.start();
  assertEquals((await send(backend, "POST", { profile_slug: "default" })).status, 200);
});

Deno.test("an instance is reserved for an environment when it is created, or registers", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid } = await create(backend, { environment_uuid: "e1" });
  assertEquals(backend.instances.get(uuid)?.environmentUuid, "e1");
  const request = { profile_slug: "default", environment_uuid: "e2" };
  await send(backend, `POST /${uuid}/register`, request);
  assertEquals(backend.instances.get(uuid)?.environmentUuid, "e2");
});

Deno.test("an instance needs a profile", async () => {
  await using backend = EmulatedBackend.start();
  assertEquals((await send(backend, "POST", {})).status, 422);
  assertEquals((await send(backend, "POST")).status, 422);
});

Deno.test("the instances of one workspace are listed", async () => {
  await using backend = EmulatedBackend.start();
  const { body: ours } = await send(backend, "POST ?workspace_slug=ours", { profile_slug: "p" });
  await send(backend, "POST ?workspace_slug=theirs", { profile_slug: "p" });
  assertEquals((await send(backend, "GET /instances?workspace_slug=ours")).body, [ours]);
  assertEquals((await send(backend, "GET /instances")).body.length, 2);
});

Deno.test("an instance registers, lives, is terminated, and registers again", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid, slug } = await create(backend);
  const ok = { success: true, message: "OK" };
  const register = () => send(backend, `POST /${uuid}/register`, { profile_slug: "default" });
  const heartbeat = () => send(backend, `POST /${uuid}/heartbeat`, {});

  assertEquals(await register(), { status: 200, body: { ...ok, uuid, slug } });
  assertEquals(await heartbeat(), { status: 200, body: ok });
  assertEquals(await send(backend, `POST /${uuid}/terminated`, {}), { status: 200, body: ok });
  assertEquals(await heartbeat(), {
    status: 400,
    body: { success: false, message: "Instance has been terminated" },
  });
  await register();
  assertEquals((await heartbeat()).status, 200);
});

Deno.test("a failed instance keeps its error", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid } = await create(backend);
  await send(backend, `POST /${uuid}/failed`, { error: "no CUDA" });
  assertEquals(backend.instances.get(uuid)?.status, "failed");
  assertEquals(backend.instances.get(uuid)?.error, "no CUDA");
});

Deno.test("logs are accepted by their type", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid } = await create(backend);
  const log = (log_type: string) =>
    send(backend, `POST /${uuid}/log`, { log_type, log_content: "hello\n" });
  for (const type of ["stdout", "stderr", "system", "app"]) {
    assertEquals((await log(type)).status, 200);
  }
  assertEquals((await log("other")).status, 422);
});

Deno.test("unknown instances and unknown calls are not found", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid } = await create(backend);
  for (
    const call of [
      "POST /no-such/heartbeat",
      `POST /${uuid}/dance`,
      `GET /${uuid}/heartbeat`,
      `POST /${uuid}`,
      "DELETE",
      "POST /%zz/heartbeat",
    ]
  ) {
    assertEquals((await send(backend, call)).status, 404, call);
  }
});

Deno.test("calls can be awaited before and after they come, each once", async () => {
  await using backend = EmulatedBackend.start();
  const early = backend.nextCall(({ path }) => path.endsWith("/instances"));
  await send(backend, "GET /instances?workspace_slug=a");
  await send(backend, "GET /instances?workspace_slug=b");
  const late = backend.nextCall(({ path }) => path.endsWith("/instances"));
  assertEquals((await early).query.get("workspace_slug"), "a");
  assertEquals((await late).query.get("workspace_slug"), "b");
});

Deno.test("the next calls can be answered otherwise", async () => {
  await using backend = EmulatedBackend.start();
  const down = () => Response.json({ message: "Down" }, { status: 503 });
  backend.answerNext(({ path }) => path.endsWith("/instances"), down, 2);
  const statuses = [];
  for (let call = 0; call < 3; call++) {
    statuses.push((await send(backend, "GET /instances")).status);
  }
  assertEquals(statuses, [503, 503, 200]);
});

Deno.test("it listens where it is told, and frees the port in the end", async () => {
  let port: string;
  {
    await using backend = EmulatedBackend.start();
    port = new URL(backend.url).port;
    await send(backend, "GET /instances");
  }
  await using again = EmulatedBackend.start({ port: Number(port), token: "t" });
  assertEquals(again.url, `http://127.0.0.1:${port}`);
  assertEquals(again.token, "t");
});
