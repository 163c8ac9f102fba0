import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { becomes, statusNames } from "../support/followed.ts";
import { mosquittoAvailable } from "../support/mosquitto.ts";
import { NodeProcess } from "../support/node_process.ts";
import { Gate } from "../support/stage.ts";
import { type NodeOptions, World } from "../support/world.ts";

const RESULT = 'echo result >"$CYBERWAVE_RESULTS_FOLDER/$CYBERWAVE_REQUEST_ID.txt"';

function command(request_id: string, workload: { uuid: string }, params = {}) {
  return { command: "inference", request_id, params: { workload_uuid: workload.uuid, ...params } };
}

/** Makes the results folder of a world. */
async function resultsFolder({ folder }: { folder: string }): Promise<string> {
  await Deno.mkdir(`${folder}/results`);
  return `${folder}/results`;
}

for (const controlPlane of ["rest", "mqtt"] as const) {
  Deno.test(`with control_plane ${controlPlane} the platform follows a workload to its results`, async () => {
    await using world = await World.start();
    await world.answerOverMqtt();
    await using node = await world.runNode({
      inference: RESULT,
      controlPlane,
      resultsFolder: await resultsFolder(world),
    });
    await using sender = await world.sender(node.identity);
    const workload = world.backend.createWorkload(node.identity.uuid);
    await sender.send(command("r1", workload));
    await becomes(world, workload, "completed");
    assertEquals(statusNames(workload), ["running", "finalizing", "completed"]);
    assertEquals(workload.statuses.length, 3, "none came twice");
    assertEquals(workload.results.map(({ size }) => size), ["result\n".length]);
    assertEquals([...Deno.readDirSync(`${world.folder}/results`)], []);
  });
}

Deno.test("a status is a request to the platform, in the name of the node", async () => {
  await using world = await World.start();
  await using node = await world.runNode({ inference: "true", environment: "dev" });
  await using sender = await world.sender(node.identity, "dev");
  const inbox = await sender.client.collect("devcyberwave/cloud-workload/w-1/update-status");
  await sender.send(command("r1", { uuid: "w-1" }));
  const [running, completed] = [await inbox.next(), await inbox.next()];
  assertStringIncludes(running.text, '"running"');
  for (const { properties } of [running, completed]) {
    assertEquals({ ...properties!.userProperties }, { "X-API-Token": world.backend.token });
    assertEquals(properties!.correlationData!.length, 16);
    assertStringIncludes(properties!.responseTopic!, "devcyberwave/response/");
  }
  const [one, other] = [running, completed].map(({ properties }) => properties!.correlationData!);
  assert(!one.equals(other));
});

for (
  const [name, options, after] of [
    ["once", { once: true }, false],
    ["drain", {}, true],
  ] as const satisfies readonly (readonly [string, NodeOptions, boolean])[]
) {
  Deno.test(`a node that ends by itself (${name}) first brings results and last status home`, async () => {
    await using world = await World.start();
    await world.answerOverMqtt();
    const gate = await Gate.in(world.folder);
    await using node = await world.runNode({
      inference: `${gate.template}; ${RESULT}`,
      resultsFolder: await resultsFolder(world),
    }, after ? {} : options);
    await using sender = await world.sender(node.identity);
    const workload = world.backend.createWorkload(node.identity.uuid);
    const uploading = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<Response>();
    world.backend.answerNext(({ method }) => method === "PUT", () => {
      uploading.resolve();
      return goOn.promise;
    });
    await sender.send(command("r1", workload));
    await becomes(world, workload, "running");
    if (after) void node.node.drain();
    await gate.open("you");
    await uploading.promise;
    assertEquals((await sender.reply("r1")).status, "ok");
    goOn.resolve(new Response(null, { status: 503 }));
    assertEquals(await node.ended, { succeeded: 1, failed: 0 });
    assertEquals([statusNames(workload), workload.results.length], [
      ["running", "finalizing", "completed"],
      1,
    ]);
  });
}

Deno.test("results that the storage does not take for good have failed the workload, and stay", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  await using node = await world.runNode({
    inference: RESULT,
    resultsFolder: await resultsFolder(world),
  });
  await using sender = await world.sender(node.identity);
  const workload = world.backend.createWorkload(node.identity.uuid);
  const isSigning = ({ path }: { path: string }) => path.endsWith("/attachments");
  world.backend.answerNext(
    isSigning,
    () => Response.json({ message: "quota exceeded" }, { status: 402 }),
    100,
  );
  await sender.send(command("r1", workload));
  await becomes(world, workload, "failed");
  assertEquals(statusNames(workload), ["running", "finalizing", "failed"]);
  const { error } = workload.statuses.at(-1) as { error: string };
  assertStringIncludes(error, "The results were not uploaded: ");
  assertStringIncludes(error, "quota exceeded");
  const kept = `${world.stateFolder}/workload_results`;
  const [{ name: id }] = Deno.readDirSync(kept);
  assertEquals(Deno.readTextFileSync(`${kept}/${id}/files/r1.txt`), "result\n");
});

Deno.test("with upload_results: false a workload is completed at once, and its files stay", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  await using node = await world.runNode({
    inference: RESULT,
    uploadResults: false,
    resultsFolder: await resultsFolder(world),
  });
  await using sender = await world.sender(node.identity);
  const workload = world.backend.createWorkload(node.identity.uuid);
  await sender.send(command("r1", workload));
  await becomes(world, workload, "completed");
  assertEquals(statusNames(workload), ["running", "completed"]);
  assertEquals([...Deno.readDirSync(`${world.folder}/results`)].length, 1);
});

Deno.test("a status that the platform does not take is a warning", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  await using node = await NodeProcess.start(world, { yaml: { inference: "true" } });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity);
  await sender.ask(command("r1", { uuid: "nobody-knows" }));
  await node.logged('The platform did not take the status of a workload: "Workload not found"');
});

Deno.test({
  name:
    "what happens while the broker is away reaches the platform when it is back, also by another node",
  ignore: !mosquittoAvailable(),
  async fn() {
    await using world = await World.withMosquitto();
    await world.answerOverMqtt();
    const gate = await Gate.in(world.folder);
    const yaml = {
      inference: `${gate.template}; ${RESULT}`,
      results_folder: await resultsFolder(world),
    };
    const node = await NodeProcess.start(world, { yaml });
    const [identity] = world.backend.instances.values();
    const workload = world.backend.createWorkload(identity.uuid);
    await using sender = await world.sender(identity);
    await sender.send(command("r1", workload));
    await becomes(world, workload, "running");
    await sender[Symbol.asyncDispose]();
    await world.broker.stop();
    await node.logged("Lost the connection");
    await gate.open("you");
    await node.logged("Uploaded the results");
    // All is told, if to nobody but the journal.
    await node.kill("SIGKILL");
    assertEquals(workload.results.length, 1);
    await using _next = await NodeProcess.spawn(world, { yaml });
    await world.broker.restart();
    await becomes(world, workload, "completed");
    assertEquals(statusNames(workload), ["running", "finalizing", "completed"]);
  },
});
