import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import type { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import type { CallMatcher } from "../../src/dev/rest_calls.ts";
import { lockFolder } from "../../src/state/lock.ts";
import { systemClock } from "../../src/time.ts";
import { inTime, RecordingLogger } from "../support/events.ts";
import { NodeProcess } from "../support/node_process.ts";
import { type Sender, World } from "../support/world.ts";

const isTerminated: CallMatcher = ({ path }) => path.endsWith("/terminated");

/** Changes the journal of a node past it. */
function write({ stateFolder }: World<EmbeddedBroker>, sql: string): void {
  using journal = new DatabaseSync(`${stateFolder}/journal.db`);
  journal.exec(sql);
}

/** The statuses of all replies to a request so far. */
function repliesTo({ inbox }: Sender, requestId: string): string[] {
  return inbox.all.map(({ text }) => JSON.parse(text))
    .filter(({ request_id }) => request_id === requestId)
    .map(({ status }) => status);
}

Deno.test("what comes while a node stops is neither taken nor refused: the next one runs it, once", async () => {
  await using world = await World.start();
  const config = { inference: 'echo "$CYBERWAVE_REQUEST_ID" | tee -a ran' };
  const first = await world.runNode(config);
  await using sender = await world.sender(first.identity);
  const answered = Promise.withResolvers<Response>();
  world.backend.answerNext(isTerminated, () => answered.promise);

  const stopped = first.node.stop();
  // As it begins to stop, and when the backend keeps it from ending.
  await sender.send({ command: "inference", request_id: "r1" });
  await world.called(isTerminated);
  await sender.send({ command: "inference", request_id: "r2" });
  await sender.send({ command: "status", request_id: "s1" });
  answered.resolve(Response.json({ success: true }));
  await stopped;
  assertEquals(sender.inbox.all, []);

  await using _second = await world.runNode(config);
  for (const id of ["r1", "r2"]) assertEquals((await sender.reply(id)).output, `${id}\n`);
  await sender.reply("s1");
  assertEquals(await Deno.readTextFile(`${world.folder}/ran`), "r1\nr2\n");
  for (const id of ["r1", "r2"]) assertEquals(repliesTo(sender, id), ["ok"]);
});

Deno.test("a node whose backend hangs stops within its stop_timeout", async () => {
  await using world = await World.start();
  const local = await world.runNode({ stopTimeout: 0.2 });
  world.backend.answerNext(isTerminated, () => new Promise(() => {}));
  await inTime(local.node.stop(), "the node to stop");
});

Deno.test("a node whose journal fails as it stops leaves the broker, and gives everything free", async () => {
  await using world = await World.start();
  const config = { inference: "echo done" };
  const first = await world.runNode(config);
  await using sender = await world.sender(first.identity);
  await sender.ask({ command: "inference", request_id: "r1" });
  write(world, "ALTER TABLE outbox RENAME TO away");
  await first.node.stop();
  using _lock = lockFolder(world.stateFolder, {
    clock: systemClock,
    logger: new RecordingLogger(),
  });
  await sender.send({ command: "inference", request_id: "r2" });
  assertEquals(repliesTo(sender, "r2"), []);
  assertEquals(world.backend.instances.get(first.identity.uuid)?.status, "terminated");
  write(world, "ALTER TABLE away RENAME TO outbox");
  _lock[Symbol.dispose]();
  await using _second = await world.runNode(config);
  assertEquals((await sender.reply("r2")).status, "ok");
});

Deno.test("what cannot be read or stored stays with the broker, and runs once when it can", async () => {
  await using world = await World.start();
  await using node = await NodeProcess.start(world, {
    yaml: { inference: 'echo "$CYBERWAVE_REQUEST_ID" | tee -a ran' },
  });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity);
  write(world, "ALTER TABLE commands RENAME TO away");
  await sender.send({ command: "inference", request_id: "r1" });
  await node.logged("no such table");
  assertEquals(sender.inbox.all, []);
  write(world, "ALTER TABLE away RENAME TO commands");
  assertEquals((await sender.reply("r1")).output, "r1\n");
  assertEquals(await Deno.readTextFile(`${world.folder}/ran`), "r1\n");
});
