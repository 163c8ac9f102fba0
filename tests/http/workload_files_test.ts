import { assert, assertEquals, assertMatch } from "@std/assert";
import { becomes } from "../support/followed.ts";
import { IMAGES } from "../support/images.ts";
import { HttpNode } from "../support/http_node.ts";
import { World } from "../support/world.ts";

const WAIT = { prefer: "wait=30" };

Deno.test("params: as they were sent, for as long as they are kept", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  // More digits than JavaScript reads, and an image that is a file by now.
  const image = IMAGES.png.toBase64();
  const params = `{"seed": 12345678901234567890, "image_bytes_base64": "${image}"}`;
  const body = `{"command":"inference","request_id":"r1","params":${params}}`;
  const { id } = JSON.parse((await node.post("/api/v1/commands", body, WAIT)).body);
  const found = await node.ask("/api/v1/workloads/r1/params");
  assertMatch(found.body, /"seed": ?12345678901234567890/);
  assertEquals(JSON.parse(found.body).image_bytes_base64, image);
  await Deno.remove(`${node.world.stateFolder}/workloads/${id}`, { recursive: true });
  const removed = await node.ask("/api/v1/workloads/r1/params");
  assertEquals([removed.status, JSON.parse(removed.body).code], [410, "not_kept"]);
  assertEquals((await node.ask("/api/v1/workloads/nobody/params")).status, 404);
});

Deno.test("results: which there are, and each as a download, as it was left or not at all", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  const name = "it's größer (1).html";
  const write = `mkdir -p "$CYBERWAVE_RESULTS_FOLDER/plots"; ` +
    `echo "<script>" >"$CYBERWAVE_RESULTS_FOLDER/plots/${name}"`;
  const resultsFolder = `${world.folder}/results`;
  await using node = await HttpNode.in(world, { inference: write, resultsFolder });
  const { local: { identity } } = node;
  const workload = world.backend.createWorkload(identity.uuid);
  // What is not uploaded stays where it is.
  world.backend.answerNext(
    ({ path }) => path.endsWith("/attachments"),
    () => Response.json({ message: "quota exceeded" }, { status: 402 }),
    100,
  );
  await using sender = await world.sender(identity);
  const params = { workload_uuid: workload.uuid };
  await sender.send({ command: "inference", request_id: "r1", params });
  await becomes(world, workload, "failed");
  const { files } = await node.json("/api/v1/workloads/r1/results");
  const { failure, ...file } = files[0];
  assertEquals([files.length, file], [1, { name: `plots/${name}`, size: 9, state: "failed" }]);
  assertMatch(failure, /quota exceeded/);
  const path = `/api/v1/workloads/r1/results/${encodeURIComponent(file.name)}`;
  const { status, headers, body } = await node.ask(path);
  assertEquals([status, body, headers.get("content-length")], [200, "<script>\n", "9"]);
  assertEquals(headers.get("content-type"), "application/octet-stream");
  assertEquals(
    headers.get("content-disposition"),
    "attachment; filename*=UTF-8''it%27s%20gr%C3%B6%C3%9Fer%20%281%29.html",
  );
  for (
    const other of ["nothing", "..%2Fparams.json", "..%2F..%2F..%2Fjournal.db", "%2Fetc%2Fpasswd"]
  ) {
    assertEquals((await node.ask(`/api/v1/workloads/r1/results/${other}`)).status, 404, other);
  }
  // The platform's workloads are not for others to start again.
  assertEquals((await node.ask("/api/v1/workloads/r1/params")).status, 409);
  const kept = `${world.stateFolder}/workload_results`;
  const [{ name: id }] = Deno.readDirSync(kept);
  const left = `${kept}/${id}/files/plots/${name}`;
  await Deno.remove(left);
  await Deno.symlink("/etc/passwd", left);
  const replaced = await node.ask(path);
  assertEquals([replaced.status, JSON.parse(replaced.body).code], [410, "not_kept"]);
  assert(!replaced.body.includes("root:"));
});
