import { assertEquals, assertStringIncludes } from "@std/assert";
import { becomes, statusNames } from "../support/followed.ts";
import { Gate } from "../support/stage.ts";
import { type Sender, World } from "../support/world.ts";

const GIVEN_UP: readonly [
  how: string,
  giveUp: (world: World<never>, workload: { uuid: string }) => void,
][] = [
  ["cancelled", ({ backend }, { uuid }) => void backend.onWorkload(uuid, "cancel", {})],
  ["forgotten", ({ backend }, { uuid }) => void backend.workloads.delete(uuid)],
  [
    "given to another node",
    ({ backend }, { uuid }) => backend.workloads.get(uuid)!.instanceUuid = crypto.randomUUID(),
  ],
];

function send(sender: Sender, request_id: string, { uuid }: { uuid: string }): Promise<void> {
  return sender.send({ command: "inference", request_id, params: { workload_uuid: uuid } });
}

for (const [how, giveUp] of GIVEN_UP) {
  Deno.test(`a workload that the platform has ${how} makes room for the one that comes`, async () => {
    await using world = await World.start();
    await world.answerOverMqtt();
    const gate = await Gate.in(world.folder);
    await using node = await world.runNode({ inference: gate.template });
    await using sender = await world.sender(node.identity);
    const [given, next] = [1, 2].map(() => world.backend.createWorkload(node.identity.uuid));
    await send(sender, "r1", given);
    await becomes(world, given, "running");
    giveUp(world as World<never>, given);
    await send(sender, "r2", next);
    assertStringIncludes((await sender.reply("r1")).error!, "the platform no longer wants it");
    await becomes(world, next, "running");
    await gate.open("you");
    await becomes(world, next, "completed");
    assertEquals(statusNames(next), ["running", "completed"]);
  });
}

Deno.test("a workload that is still wanted is not stopped for another, which the platform queues again", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  const gate = await Gate.in(world.folder);
  await using node = await world.runNode({ inference: gate.template });
  await using sender = await world.sender(node.identity);
  const [first, second] = [1, 2].map(() => world.backend.createWorkload(node.identity.uuid));
  await send(sender, "r1", first);
  await becomes(world, first, "running");
  await send(sender, "r2", second);
  await becomes(world, second, "failed");
  assertEquals([second.status, second.instanceUuid], ["queued", null]);
  const [{ error, rejection_reason, rejecting_instance_uuid }] = second.statuses;
  assertStringIncludes(String(error), "Controller host is busy with");
  assertEquals([rejection_reason, rejecting_instance_uuid], ["host_busy", node.identity.uuid]);
  await gate.open("you");
  await becomes(world, first, "completed");
  // The platform gives it to this node again, with the same request id.
  second.instanceUuid = node.identity.uuid;
  await send(sender, "r2", second);
  await becomes(world, second, "running");
  await gate.open("you");
  await becomes(world, second, "completed");
});

Deno.test("a workload that the platform has cancelled is stopped at a heartbeat", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  const gate = await Gate.in(world.folder);
  await using node = await world.runNode({ inference: gate.template, heartbeatInterval: 0.5 });
  await using sender = await world.sender(node.identity);
  const workload = world.backend.createWorkload(node.identity.uuid);
  await send(sender, "r1", workload);
  await becomes(world, workload, "running");
  world.backend.onWorkload(workload.uuid, "cancel", {});
  assertStringIncludes((await sender.reply("r1")).error!, "the platform no longer wants it");
  assertEquals(statusNames(workload), ["running"]);
});
