import { assert, assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ask } from "../support/http_client.ts";
import { HttpNode } from "../support/http_node.ts";

Deno.test("api: status, backlog and workloads, as the command line shows them", async () => {
  await using test = await HttpNode.start({ inference: "echo to you; echo oops >&2; exit 3" });
  await using sender = await test.world.sender(test.local.identity);
  await sender.ask({ command: "inference", request_id: "r 1/2" });
  const status = await test.json("/api/v1/status");
  assertEquals([status.slug, status.broker.is_connected, status.lanes[0].kind], [
    test.local.identity.slug,
    true,
    "inference",
  ]);
  assertEquals(await test.json("/api/v1/backlog"), {
    ...{ queued: 0, running: 0, slots: 1 },
    lanes: { inference: { queued: 0, running: 0, slots: 1 } },
  });
  const { workloads } = await test.json("/api/v1/workloads?limit=10");
  assertEquals(workloads.length, 1);
  assertEquals([workloads[0].request_id, workloads[0].exit_code], ["r 1/2", 3]);
  // By its own id, or by the sender's.
  assertEquals(await test.json(`/api/v1/workloads/${workloads[0].id}`), workloads[0]);
  assertEquals(await test.json("/api/v1/workloads/r%201%2F2"), workloads[0]);
});

Deno.test("api: what a workload printed, in parts, and never as a page", async () => {
  await using test = await HttpNode.start({
    inference: "echo '<script>alert(1)</script>'; echo oops >&2",
  });
  await using sender = await test.world.sender(test.local.identity);
  await sender.ask({ command: "inference", request_id: "r1" });
  const { body, headers } = await test.ask("/api/v1/workloads/r1/logs?offset=8");
  assertEquals(body, "alert(1)</script>\n");
  assertMatch(headers.get("content-type")!, /^text\/plain/);
  assertEquals(headers.get("x-content-type-options"), "nosniff");
  const next = headers.get("x-next-offset");
  assertEquals((await test.ask(`/api/v1/workloads/r1/logs?offset=${next}`)).body, "");
  assertEquals((await test.ask("/api/v1/workloads/r1/logs?stream=stderr")).body, "oops\n");
  assertEquals((await test.ask("/api/v1/workloads/r1/logs?stream=../journal.db")).status, 400);
  assertEquals((await test.ask("/api/v1/workloads/r1/logs?offset=-1")).status, 400);
  for (const id of ["nobody", "..%2F..", "%00", "%E0%A4%A"]) {
    assertEquals((await test.ask(`/api/v1/workloads/${id}/logs`)).status, 404, id);
  }
});

Deno.test("api: a workload is cancelled as by its sender, once", async () => {
  await using test = await HttpNode.start({ inference: "echo began; exec sleep 100" });
  await using sender = await test.world.sender(test.local.identity);
  const asked = sender.ask({ command: "inference", request_id: "r1" });
  while ((await test.ask("/api/v1/workloads/r1/logs")).body !== "began\n");
  assertEquals((await test.post("/api/v1/workloads/r1/cancel", '{"signal":"SIGHUP"}')).status, 400);
  const { status, body } = await test.post("/api/v1/workloads/r1/cancel", "");
  assertEquals([status, JSON.parse(body).signal], [202, "SIGTERM"]);
  assertEquals((await asked).error, "Command was cancelled by SIGTERM");
  assertEquals((await test.post("/api/v1/workloads/r1/cancel", "{}")).status, 409);
  assertEquals((await test.post("/api/v1/workloads/nobody/cancel", "{}")).status, 404);
});

Deno.test("api: that a workload has ended is said only of one that has", async () => {
  await using test = await HttpNode.start({ inference: "true" });
  // As it is before a node that starts has looked at it.
  using journal = new DatabaseSync(`${test.world.stateFolder}/journal.db`);
  journal.exec(`INSERT INTO commands (id, kind, params, slug, instance_uuid, reply_topic, state,
    accepted_at) VALUES ('c1', 'inference', '{}', 's', 'u', 't', 'queued', 1)`);
  const { status, headers } = await test.post("/api/v1/workloads/c1/cancel", "");
  assertEquals([status, headers.get("retry-after")], [503, "1"]);
  journal.exec("DELETE FROM commands");
});

Deno.test("api: a body that is no JSON, or too much, is refused", async () => {
  await using test = await HttpNode.start({ inference: "true" });
  assertEquals((await test.post("/api/v1/workloads/r1/cancel", "{")).status, 400);
  assertEquals(
    (await test.post("/api/v1/workloads/r1/cancel", `"${"x".repeat(70_000)}"`)).status,
    413,
  );
  assertEquals((await test.ask("/api/v1/workloads?limit=1000000000")).status, 400);
});

Deno.test("api: a node is drained, and stops", async () => {
  await using test = await HttpNode.start({ inference: "true" });
  const { status, body } = await test.post("/api/v1/drain", "");
  assertEquals([status, JSON.parse(body)], [202, { draining: true }]);
  assertEquals(await test.local.ended, { succeeded: 0, failed: 0 });
});

Deno.test("api: without the token there is nothing of it", async () => {
  await using test = await HttpNode.start({ inference: "true" });
  for (const path of ["/status", "/workloads", "/workloads/r1", "/workloads/r1/logs", "/backlog"]) {
    assertEquals((await ask(test.url, `/api/v1${path}`)).status, 401, path);
  }
  const drain = { method: "POST", headers: { "content-type": "application/json" } };
  assertEquals((await ask(test.url, "/api/v1/drain", drain)).status, 401);
  assert(test.local.node.identity !== undefined);
});
