import { assertEquals, assertMatch } from "@std/assert";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";

const UUID = "123e4567-e89b-42d3-a456-426614174000";
const OCTETS = { "Content-Type": "application/octet-stream" };

/** Sends a call about a workload; resolves with the status and the JSON answer. */
async function send(backend: EmulatedBackend, call: string, body?: unknown) {
  const [method, path] = call.split(" ");
  const response = await fetch(`${backend.url}/api/v1/cloud-node-workloads/${path}`, {
    method,
    headers: { Authorization: `Token ${backend.token}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

/** Puts a file at a signed URL; resolves with the status. */
function put(url: string, content: string, headers: HeadersInit = OCTETS): Promise<number> {
  return statusOf(url, { method: "PUT", headers, body: content });
}

async function statusOf(url: string, request: RequestInit = {}): Promise<number> {
  const response = await fetch(url, request);
  await response.body?.cancel();
  return response.status;
}

Deno.test("a workload tells where it stands and whose it is", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid } = backend.createWorkload("i1");
  assertEquals(await send(backend, `GET ${uuid}`), {
    status: 200,
    body: { uuid, status: "pending", instance_uuid: "i1" },
  });
  assertEquals((await send(backend, "GET no-such")).status, 404);
  assertEquals((await send(backend, `POST ${uuid}/dance`, {})).status, 404);
});

Deno.test("a result file is put at a signed URL, and then reported", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid, results } = backend.createWorkload();
  const filename = `${UUID}.csv`;
  const { body } = await send(backend, `POST ${uuid}/attachments`, { filename });
  assertEquals([body.filename, body.expiration_hours], [filename, 1]);
  const report = {
    filenames: [filename],
    signed_urls: [body.signed_url],
    attachment_uuids: [UUID],
  };
  assertEquals(await send(backend, `POST ${uuid}/upload-results`, report), {
    status: 400,
    body: { success: false, message: `${filename} has not been uploaded` },
  });
  assertEquals(await put(body.signed_url, "abc"), 200);
  assertEquals((await send(backend, `POST ${uuid}/upload-results`, report)).status, 200);
  assertEquals(results, [{
    filename,
    attachmentUuid: UUID,
    size: 3,
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  }]);
});

Deno.test("files are taken at signed URLs only, as octets", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid } = backend.createWorkload();
  const sign = () => send(backend, `POST ${uuid}/attachments`, { filename: UUID });
  const first: string = (await sign()).body.signed_url;
  const second: string = (await sign()).body.signed_url;
  assertMatch(first, /^http:\/\/127\.0\.0\.1:\d+\/attachments\/.*\?signature=[0-9a-f]{32}$/);
  assertEquals(first === second, false);
  assertEquals(await put(first.replace(/signature=../, "signature=xx"), "abc"), 403);
  assertEquals(await put(first, "abc", { "Content-Type": "text/plain" }), 400);
  assertEquals(await statusOf(first), 405);
});

Deno.test("names and lists that do not fit are refused", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid } = backend.createWorkload();
  for (const filename of [undefined, "results.csv", `${UUID}./../x`, `../${UUID}`]) {
    assertEquals((await send(backend, `POST ${uuid}/attachments`, { filename })).status, 422);
  }
  const report = { filenames: [UUID], signed_urls: [], attachment_uuids: [UUID] };
  assertEquals((await send(backend, `POST ${uuid}/upload-results`, report)).status, 422);
  assertEquals((await send(backend, `POST ${uuid}/upload-results`, {})).status, 422);
});

Deno.test("the workloads of an instance that failed wait again, but those that ended", async () => {
  await using backend = EmulatedBackend.start();
  const created = await backend.createInstance({ profile_slug: "default" }).json();
  const running = backend.createWorkload(created.uuid);
  const ended = backend.createWorkload(created.uuid);
  backend.onWorkload(running.uuid, "update", { status: "running" });
  backend.onWorkload(ended.uuid, "update", { status: "completed" });
  backend.report(created.uuid, "failed", { error: "no CUDA" });
  assertEquals([running.status, running.instanceUuid], ["pending", null]);
  assertEquals([ended.status, ended.instanceUuid], ["completed", created.uuid]);
});
