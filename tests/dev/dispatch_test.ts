import { assertEquals, assertMatch } from "@std/assert";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";

/** Sends a call as the SDK does; resolves with the status and the JSON answer. */
async function send(backend: EmulatedBackend, call: string, body?: unknown) {
  const [method, path] = call.split(" ");
  const response = await fetch(`${backend.url}/api/v1/${path}`, {
    method,
    headers: { Authorization: `Bearer ${backend.token}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

const WORKLOADS = "cloud-node-workloads";

/** Creates an instance that takes workloads. */
async function register(backend: EmulatedBackend, profile_slug = "default"): Promise<string> {
  const { body } = await send(backend, "POST cloud-node", { profile_slug });
  await send(backend, `POST cloud-node/${body.uuid}/register`, { profile_slug });
  return body.uuid;
}

/** Has the backend give workloads away. Returns which ones were given to whom. */
function dispatched(backend: EmulatedBackend): [workload: string, instance: string][] {
  const given: [string, string][] = [];
  backend.dispatchBy(({ uuid }, instance) => given.push([uuid, instance]));
  return given;
}

async function request(backend: EmulatedBackend, fields: Record<string, unknown> = {}) {
  const body = { profile_slug: "default", command_type: "training", ...fields };
  return (await send(backend, `POST ${WORKLOADS}`, body)).body;
}

Deno.test("a workload that a client creates goes to the instance of its profile with the least to do", async () => {
  await using backend = EmulatedBackend.start();
  const given = dispatched(backend);
  const early = await request(backend);
  assertEquals([early.status, given], ["pending", []]);
  await register(backend, "other");
  const first = await register(backend);
  await send(backend, `POST cloud-node/${first}/heartbeat`, {});
  assertEquals(given, [[early.uuid, first]]);
  const second = await register(backend);
  const late = await request(backend);
  assertEquals([late.status, late.instance_uuid], ["assigned", second]);
  const picky = await request(backend, { instance_uuid: first });
  assertEquals(picky.instance_uuid, first);
  assertEquals(given.length, 3);
});

Deno.test("a workload that was refused waits until its instance may have room", async () => {
  await using backend = EmulatedBackend.start();
  const given = dispatched(backend);
  const instance = await register(backend);
  const running = await request(backend);
  const refused = await request(backend);
  const busy = { status: "failed", error: "busy", rejection_reason: "host_busy" };
  backend.onWorkload(refused.uuid, "update", busy);
  assertEquals((await send(backend, `GET ${WORKLOADS}/${refused.uuid}`)).body.status, "queued");
  assertEquals(given.length, 2);
  backend.onWorkload(running.uuid, "update", { status: "completed", success: true });
  assertEquals(given.at(-1), [refused.uuid, instance]);
  const workload = backend.workloads.get(refused.uuid)!;
  backend.takeBack(workload);
  assertEquals([workload.status, workload.instanceUuid], ["queued", null]);
});

Deno.test("workloads are listed, changed, given away and forgotten", async () => {
  await using backend = EmulatedBackend.start();
  const instance = await register(backend);
  const [first, second] = [await request(backend), await request(backend, { workspace_uuid: "w" })];
  const list = async (query: string) =>
    (await send(backend, `GET ${WORKLOADS}${query}`)).body.map(({ uuid }: { uuid: string }) =>
      uuid
    );
  assertEquals(await list(""), [first.uuid, second.uuid]);
  assertEquals(await list("?workspace_uuid=w&command_type=training"), [second.uuid]);
  assertEquals(await list("?statuses=running,failed"), []);
  const assigned = await send(backend, `POST ${WORKLOADS}/${first.uuid}/assign`, {
    instance_uuid: instance,
  });
  assertEquals([assigned.body.status, assigned.body.instance_uuid], ["assigned", instance]);
  assertEquals(await list("/pending"), [second.uuid]);
  const change = { status: "running" };
  const changed = await send(backend, `PUT ${WORKLOADS}/${first.uuid}`, change);
  assertEquals(changed.body.status, "running");
  assertEquals((await send(backend, `DELETE ${WORKLOADS}/${first.uuid}`)).status, 400);
  assertEquals((await send(backend, `DELETE ${WORKLOADS}/${second.uuid}`)).status, 200);
  assertEquals(await list(""), [first.uuid]);
});

Deno.test("what is no workload is refused", async () => {
  await using backend = EmulatedBackend.start();
  const cases: [unknown, number][] = [
    [{}, 422],
    [{ profile_slug: 1 }, 422],
    [{ profile_slug: "p", command_type: 1 }, 422],
    [{ profile_slug: "p", command_params: [] }, 422],
    [{ profile_slug: "p", instance_uuid: "no-such" }, 404],
    [{ profile_slug: "p", command_params: null, instance_uuid: null }, 200],
  ];
  for (const [body, status] of cases) {
    assertEquals((await send(backend, `POST ${WORKLOADS}`, body)).status, status);
  }
  const { uuid } = await request(backend);
  for (const call of [`PUT ${WORKLOADS}/${uuid}`, `POST ${WORKLOADS}/${uuid}/assign`]) {
    assertEquals((await send(backend, call, { instance_uuid: "no-such" })).status, 404);
  }
  for (const call of ["GET", "PUT", "DELETE"]) {
    assertEquals((await send(backend, `${call} ${WORKLOADS}/no-such`)).status, 404);
  }
});

Deno.test("an instance shows its status and what it logged", async () => {
  await using backend = EmulatedBackend.start();
  const uuid = await register(backend);
  const log = (log_type: string, log_content: string) =>
    send(backend, `POST cloud-node/${uuid}/log`, { log_type, log_content });
  await log("stdout", "one\ntwo\n");
  await log("stderr", "bad\n");
  await log("stdout", "thrée\n");
  const read = async (query = "") =>
    (await send(backend, `GET cloud-node/instances/${uuid}/logs${query}`)).body;
  const { content, logs } = await read("?log_type=stdout");
  assertEquals(content, "one\ntwo\nthrée\n");
  assertEquals(
    logs.map((entry: Record<string, unknown>) => [entry.size_bytes, entry.line_count]),
    [[8, 2], [7, 1]],
  );
  assertMatch(logs[0].start_time, /^\d{4}-\d\d-\d\dT/);
  assertEquals((await read("?limit=1")).content, "thrée\n");
  const { body } = await send(backend, `GET cloud-node/instances/${uuid}/status`);
  assertEquals(body, {
    slug: body.slug,
    workspace_slug: null,
    instance_uuid: uuid,
    status: "registered",
  });
  assertEquals((await send(backend, "GET cloud-node/instances/no-such/logs")).status, 404);
});
