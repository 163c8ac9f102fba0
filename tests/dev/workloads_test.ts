import { assert, assertEquals, assertMatch } from "@std/assert";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";

const UUID = "123e4567-e89b-42d3-a456-426614174000";
/** What the platform cannot know of a workload that was just created, and what it never says here. */
const UNKNOWN = [
  "callback_kwargs",
  "callback_task",
  "controller_policy_uuid",
  "controller_type",
  "created_by_email",
  "error",
  "exit_code",
  "failure_code",
  "failure_detail",
  "failure_message",
  "file_count",
  "instance_slug",
  "message",
  "mlmodel_external_id",
  "mlmodel_name",
  "mlmodel_uuid",
  "pid",
  "rejecting_instance_uuid",
  "rejection_reason",
  "results",
  "signal",
  "stderr",
  "success",
  "twin_uuid",
  "workspace_uuid",
];
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

Deno.test("a workload shows every field that the platform knows of it", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid } = backend.createWorkload("i1", {
    commandType: "training",
    commandParams: { epochs: 3 },
  });
  const { status, body: described } = await send(backend, `GET ${uuid}`);
  assertEquals(status, 200);
  const { created_at, updated_at, ...rest } = described;
  assert(Date.parse(created_at) <= Date.parse(updated_at));
  const unknown = Object.entries(rest).filter(([, value]) => value === null).map(([name]) => name);
  assertEquals(unknown.sort(), UNKNOWN);
  assertEquals(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)), {
    uuid,
    status: "pending",
    profile_uuid: described.profile_uuid,
    profile_slug: "default",
    instance_uuid: "i1",
    visibility: "private",
    command_type: "training",
    command_params: { epochs: 3 },
  });
  backend.onWorkload(uuid, "update", { status: "running", message: "Started", pid: 42 });
  backend.onWorkload(uuid, "update", { status: "finalizing", file_count: 2 });
  const failed = { error: "e", failure_detail: "d", stderr: "s", exit_code: 3, success: false };
  backend.onWorkload(uuid, "update", { status: "failed", ...failed, signal: "SIGTERM" });
  const { body } = await send(backend, `GET ${uuid}`);
  const known = { status: "failed", message: "Started", pid: 42, file_count: 2, signal: "SIGTERM" };
  assertEquals({ ...body, ...known, ...failed }, body);
});

Deno.test("unknown workloads and unknown calls are not found", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid } = backend.createWorkload();
  assertEquals((await send(backend, "GET no-such")).status, 404);
  assertEquals((await send(backend, `POST ${uuid}/dance`, {})).status, 404);
  for (const call of ["attachments", "upload-results", "complete", "fail", "cancel"]) {
    assertEquals((await send(backend, `POST no-such/${call}`, {})).status, 404);
  }
});

Deno.test("the platform names the attachment of a result file, which is put and then reported by its path", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid, results } = backend.createWorkload();
  const path = "run1/metrics.csv";
  const { body } = await send(backend, `POST ${uuid}/attachments`, { filename: path });
  assertMatch(body.filename, /^[0-9a-f-]{36}\.csv$/);
  assertEquals(body.expiration_hours, 1);
  const attachmentUuid = body.filename.slice(0, 36);
  const report = {
    filenames: [path],
    signed_urls: [body.signed_url],
    attachment_uuids: [attachmentUuid],
  };
  const upload = (changes = {}) =>
    send(backend, `POST ${uuid}/upload-results`, { ...report, ...changes });
  assertEquals(await upload(), {
    status: 400,
    body: { success: false, message: `${path} has not been uploaded` },
  });
  assertEquals(await put(body.signed_url, "abc"), 200);
  assertEquals(await upload({ attachment_uuids: [UUID] }), {
    status: 404,
    body: { success: false, message: `Attachment ${UUID} not found` },
  });
  const other = backend.createWorkload();
  assertEquals((await send(backend, `POST ${other.uuid}/upload-results`, report)).status, 404);
  assertEquals((await upload({ signed_urls: ["http://elsewhere/"] })).status, 422);
  assertEquals(results, []);
  assertEquals((await upload()).status, 200);
  assertEquals(results, [{
    filename: path,
    attachmentUuid,
    size: 3,
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  }]);
});

Deno.test("a refusal because the host is busy puts a workload back into the queue, no other failure does", async () => {
  await using backend = EmulatedBackend.start();
  const busy = [
    { error: "No room", rejection_reason: "host_busy", rejecting_instance_uuid: "i1" },
    { error: "Controller host is busy with another training" },
  ];
  for (const fields of busy) {
    const workload = backend.createWorkload("i1");
    backend.onWorkload(workload.uuid, "update", { status: "failed", ...fields });
    assertEquals([workload.status, workload.instanceUuid], ["queued", null]);
    backend.onWorkload(workload.uuid, "update", { status: "running" });
    assertEquals(workload.status, "running");
  }
  const workload = backend.createWorkload("i1");
  backend.onWorkload(workload.uuid, "update", { status: "failed", error: "The host is on fire" });
  assertEquals([workload.status, workload.instanceUuid], ["failed", "i1"]);
});

Deno.test("a workload's own script reports its result, its failure, or that it is cancelled, once", async () => {
  await using backend = EmulatedBackend.start();
  const cases: [call: string, body: unknown, status: string][] = [
    ["complete", { result: { loss: 0.1 }, success: true }, "completed"],
    ["complete", { result: {} }, "completed"],
    ["complete", { result: {}, success: false }, "failed"],
    ["fail", { error: "no data" }, "failed"],
    ["cancel", {}, "cancelled"],
  ];
  for (const [call, body, status] of cases) {
    const workload = backend.createWorkload("i1");
    assertEquals((await send(backend, `POST ${workload.uuid}/${call}`, body)).status, 200);
    assertEquals(workload.status, status);
    assertEquals(
      (await send(backend, `POST ${workload.uuid}/complete`, { result: {} })).status,
      400,
    );
    assertEquals(workload.status, status);
  }
  const { uuid } = backend.createWorkload("i1");
  assertEquals((await send(backend, `POST ${uuid}/complete`, { result: "good" })).status, 422);
  await send(backend, `POST ${uuid}/complete`, { result: { loss: 0.1 }, success: true });
  const { body } = await send(backend, `GET ${uuid}`);
  assertEquals([body.results, body.success], [{ loss: 0.1 }, true]);
});

Deno.test("files are taken at signed URLs only, as octets", async () => {
  await using backend = EmulatedBackend.start();
  const { uuid } = backend.createWorkload();
  const sign = () => send(backend, `POST ${uuid}/attachments`, { filename: "a" });
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
  for (const filename of [undefined, "", "/etc/passwd", "a/../../b", "./a", "a//b", "a/"]) {
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
  assertEquals([running.status, running.instanceUuid], ["queued", null]);
  assertEquals([ended.status, ended.instanceUuid], ["completed", created.uuid]);
});
