import { assertEquals, assertStringIncludes } from "@std/assert";
import type { CommandMessage } from "../../src/commands/packet.ts";
import { FakeClock } from "../support/clock.ts";
import { Commands } from "../support/commands.ts";
import { ScriptedExecutor } from "../support/scripted.ts";

const HOUR = 60 * 60 * 1_000;

/** A command that its sender gave no id. */
const NAMELESS = { command: "inference", params: { x: 1 } };

const DUP: Partial<CommandMessage> = { packetId: 7, dup: true };

/** What happened before a message came as packet 7 that says that it is delivered again. */
const REDELIVERED: readonly [
  what: string,
  first: Partial<CommandMessage> | undefined,
  again: { readonly message?: Record<string, unknown>; readonly as?: Partial<CommandMessage> },
  runs: number,
][] = [
  ["the same packet", { packetId: 7 }, {}, 1],
  ["a packet that never came here", undefined, {}, 1],
  ["another packet with the same command", { packetId: 8 }, {}, 2],
  ["the same packet without the mark of a redelivery", { packetId: 7 }, { as: { dup: false } }, 2],
  ["the same number with another command", { packetId: 7 }, {
    message: { ...NAMELESS, params: { x: 2 } },
  }, 2],
  ["a message without a number", { packetId: undefined }, { as: { packetId: undefined } }, 2],
];

for (const restarts of [false, true]) {
  for (const [what, first, { message = NAMELESS, as }, runs] of REDELIVERED) {
    const where = restarts ? "to the next node" : "to the same node";
    Deno.test(`a command without request id that is delivered again ${where}: ${what}: runs ${runs} in all`, async () => {
      const options = { inference: "a", open: false };
      await using test = await Commands.start({ ...options, executor: new ScriptedExecutor() });
      if (first !== undefined) await test.send(NAMELESS, first);
      if (restarts) await test.restart({ ...options, executor: new ScriptedExecutor() });
      await test.send(message, { ...DUP, ...as });
      assertEquals(test.journal.unfinished().length, runs);
    });
  }
}

Deno.test("a packet of one session is no redelivery of one in another", async () => {
  const options = () => ({ inference: "a", open: false, executor: new ScriptedExecutor() });
  await using test = await Commands.start(options());
  // Both in one transaction.
  await Promise.all([7, 8].map((packetId) => test.send(NAMELESS, { packetId, session: 1 })));
  for (const packetId of [7, 8]) await test.send(NAMELESS, { packetId, dup: true, session: 1 });
  assertEquals(test.journal.unfinished().length, 2);
  await test.send(NAMELESS, { ...DUP, session: 2 });
  await test.send(NAMELESS, { ...DUP, session: 2 });
  assertEquals(test.journal.unfinished().length, 3);
  // The next node resumes that session, and then has a new one.
  await test.restart(options());
  await test.send(NAMELESS, { ...DUP, session: 0 });
  assertEquals(test.journal.unfinished().length, 3);
  await test.send(NAMELESS, { ...DUP, session: 1 });
  assertEquals(test.journal.unfinished().length, 4);
});

Deno.test("a redelivery of what has ended is answered once more, and one of long ago is none", async () => {
  const clock = new FakeClock();
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor, clock });
  await test.send(NAMELESS, { packetId: 7 });
  (await executor.executions.next()).end(undefined, "once");
  const reply = await test.replies.next();
  await test.send(NAMELESS, DUP);
  assertEquals(await test.replies.next(), reply);
  await clock.advance(HOUR);
  await test.send(NAMELESS, DUP);
  (await executor.executions.next()).end(undefined, "twice");
  assertEquals((await test.replies.next()).output, "twice");
});

Deno.test("with a dedupe window of 0 a redelivery is still none but the same command", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({
    inference: "a",
    dedupeWindow: 0,
    executor,
    open: false,
  });
  const command = { ...NAMELESS, request_id: "r1" };
  await test.send(command, { packetId: 7 });
  await test.send(command, DUP);
  assertEquals(test.journal.unfinished().length, 1);
});

Deno.test("a node for one command refuses the second, also one that came in the same turn", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", once: true, executor });
  await Promise.all([test.run("r1"), test.run("r2")]);
  assertEquals((await test.reply("r2")).error, "The node is draining and takes no new commands");
  (await executor.executions.next()).end();
  assertEquals((await test.reply("r1")).status, "ok");
});

Deno.test("commands that come in one turn count each other", async () => {
  await using test = await Commands.start({
    inference: "a",
    maxQueued: { inference: 1, training: 0, simulate: 0 },
    executor: new ScriptedExecutor(),
  });
  await Promise.all(["r1", "r2", "r3"].map((id) => test.run(id)));
  assertEquals((await test.reply("r3")).error, "The queue is full: 1 of 1 running, 1 queued");
  assertEquals(test.replies.all.length, 1);
});

Deno.test("the same request that comes twice in one turn is accepted once", async () => {
  await using test = await Commands.start({ inference: "a", executor: new ScriptedExecutor() });
  await Promise.all([test.run("r1"), test.run("r1")]);
  assertEquals(test.journal.unfinished().length, 1);
});

Deno.test("a burst of 500 in one turn is stored in one transaction", async () => {
  await using test = await Commands.start({
    inference: "a",
    maxQueued: { inference: 1_000, training: 0, simulate: 0 },
    executor: new ScriptedExecutor(),
    open: false,
  });
  const before = test.transactions();
  await Promise.all(Array.from({ length: 500 }, (_, index) => test.run(`r${index}`)));
  assertEquals(test.transactions() - before, 1);
  assertEquals(test.journal.unfinished().length, 500);
});

Deno.test("what cannot be stored is not acknowledged, and leaves no trace", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor });
  {
    using _full = test.diskFull("commands");
    const sent = await Promise.allSettled([test.run("r1"), test.run("r2")]);
    for (const result of sent) {
      assertEquals(result.status, "rejected");
      assertStringIncludes(String((result as PromiseRejectedResult).reason), "disk is full");
    }
    assertEquals([test.replies.all, test.parts.queue.isEmpty], [[], true]);
  }
  // As the broker does, which has no acknowledgement.
  await test.send({ command: "inference", request_id: "r1", params: {} }, { dup: true });
  (await executor.executions.next()).end();
  assertEquals((await test.reply("r1")).status, "ok");
  await test.idle();
  assertEquals(executor.executions.all.length, 1);
});

for (
  const [what, message] of [
    ["a refusal", { command: "training", request_id: "r1" }],
    ["an unknown command", { command: "reboot", request_id: "r1" }],
    ["a malformed message", { command: "inference", request_id: "r1", params: [] }],
    ["a cancel", { command: "cancel", request_id: "r1", params: { pid: 1 } }],
    ["an announcement", {
      command: "workload_received",
      request_id: "r1",
      params: { workload_uuid: "w-1" },
    }],
  ] as const
) {
  Deno.test(`${what} whose answer cannot be stored is not acknowledged`, async () => {
    await using test = await Commands.start({ inference: "a", executor: new ScriptedExecutor() });
    {
      using _full = test.diskFull("outbox");
      const [result] = await Promise.allSettled([test.send(message)]);
      assertEquals([result.status, test.replies.all], ["rejected", []]);
    }
    await test.send(message);
    assertEquals((await test.reply("r1")).request_id, "r1");
  });
}

Deno.test("a repeat whose reply cannot be owed again is not acknowledged, and does no harm", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor });
  await test.run("r1");
  (await executor.executions.next()).end();
  const reply = await test.reply("r1");
  {
    using _full = test.diskFull("outbox");
    const [result] = await Promise.allSettled([test.run("r1")]);
    assertEquals(result.status, "rejected");
  }
  await test.run("r1");
  assertEquals(await test.reply("r1"), reply);
});

Deno.test("a disk without a folder for workloads has space all the same", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor });
  Deno.removeSync(test.workloadsFolder, { recursive: true });
  await test.run("r1");
  (await executor.executions.next()).end(undefined, "done");
  assertEquals((await test.reply("r1")).output, "done");
});

Deno.test("a packet of the pool's session is another than one of the node's own", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", open: false, executor });
  const pooled = { ...DUP, isPooled: true };
  for (const delivery of [DUP, pooled, DUP, pooled]) await test.send(NAMELESS, delivery);
  assertEquals(test.journal.unfinished().length, 2);
  // A new session with the pool counts anew, and changes nothing about the other one.
  await test.send(NAMELESS, { ...pooled, session: 1 });
  await test.send(NAMELESS, DUP);
  assertEquals(test.journal.unfinished().length, 3);
});
