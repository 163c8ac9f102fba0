import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { whatCancellingDid } from "../../src/cli/subcommands/cancel_workload.ts";
import { ConfigError } from "../../src/errors.ts";
import type { CommandRecord } from "../../src/journal/record.ts";
import { LocalRequests } from "../../src/state/local_requests.ts";
import { Gate, nodeAtGate, Stage } from "../support/stage.ts";

const STOP = { cause: "cancelled", signal: "SIGINT", at: 3 } as const;

/** A command that waits. */
const RECORD: CommandRecord = {
  id: "01abc",
  kind: "training",
  requestId: "r",
  workloadUuid: undefined,
  slug: "n",
  instanceUuid: "u",
  replyTopic: "t",
  state: "queued",
  acceptedAt: 1,
  startedAt: undefined,
  handle: undefined,
  stop: undefined,
  endedAt: undefined,
  end: undefined,
};

/** A stage with a node that waits at a gate, and somebody who sends it commands. */
const setUp = (more = "") => nodeAtGate((gate) => `  training: ${gate.template}\n${more}`);

Deno.test("cancel stops what runs, and the sender is answered that it was cancelled", async () => {
  await using world = await setUp();
  const { stage, node, sender } = world;
  await sender.send({ command: "training", request_id: "t-long-1" });
  await node.awaitLine(/at the gate/);
  const { code, stdout, stderr } = await stage.run(["cancel", "t-lo", "--signal", "int"]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout,
    "training t-long-1 is cancelled. Sent SIGINT; its sender is answered once it has ended\n",
  );
  assertEquals((await sender.reply("t-long-1")).error, "Command was cancelled by SIGINT");
  const again = await stage.run(["cancel", "t-long-1"]);
  assertEquals(again.code, 2);
  assertStringIncludes(again.stderr, "training t-long-1 has ended already: cancelled");
  assertEquals([...Deno.readDirSync(`${stage.world.stateFolder}/requests`)], []);
});

Deno.test("cancel takes what waits out of the queue", async () => {
  await using world = await setUp();
  const { stage, node, sender } = world;
  await sender.send({ command: "training", request_id: "t1" });
  await sender.send({ command: "training", request_id: "t2" });
  await node.awaitLine(/training t2 waits for its turn/);
  const { code, stdout } = await stage.run(["cancel", "t2"]);
  assertEquals([code, stdout], [0, "training t2 is cancelled. Took it out of the queue\n"]);
  assertEquals((await sender.reply("t2")).error, "Command was cancelled by SIGTERM");
});

Deno.test("cancel without a node ends what runs, and the next start answers the sender", async () => {
  await using world = await setUp();
  const { stage, node, sender } = world;
  await sender.send({ command: "training", request_id: "t1" });
  await sender.send({ command: "training", request_id: "t2" });
  await node.awaitLine(/training t2 waits for its turn/);
  await node.awaitLine(/at the gate/);
  await node.end("SIGKILL");
  const running = await stage.run(["cancel", "t1", "--signal", "SIGKILL"]);
  assertEquals(running.code, 0, running.stderr);
  assertMatch(running.stdout, /^training t1 is cancelled: sent SIGKILL to process \d+$/m);
  assertStringIncludes(running.stderr, "No node runs: the next start answers its sender");
  const waiting = await stage.run(["cancel", "t2"]);
  assertMatch(waiting.stdout, /^training t2 will not run\. No node runs/);

  await using _next = await stage.startNode();
  assertEquals((await sender.reply("t1")).error, "Command was cancelled by SIGKILL");
  assertEquals((await sender.reply("t2")).error, "Command was cancelled by SIGTERM");
});

Deno.test("cancel does not undo what ended by itself while there was no node", async () => {
  await using stage = await Stage.set();
  const gate = await Gate.in(stage.world.folder);
  await stage.configure(`  training: ${gate.template}`);
  await using node = stage.start(["start"]);
  await using sender = await stage.senderFor(node);
  await sender.send({ command: "training", request_id: "t1" });
  await node.awaitLine(/at the gate/);
  await node.end("SIGKILL");
  await using followed = stage.start(["logs", "-f", "t1"]);
  await gate.open("no node");
  assertEquals(await followed.exited, 0);
  const { code, stderr } = await stage.run(["cancel", "t1"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "training t1 has ended already: the next start answers its sender");
  await using _next = await stage.startNode();
  assertEquals((await sender.reply("t1")).output, "at the gate\nlet through with no node\n");
});

Deno.test("a cancel that no node took changes nothing about a command that ended by itself", async () => {
  await using world = await setUp();
  const { stage, node, sender } = world;
  await sender.send({ command: "training", request_id: "t1" });
  await node.awaitLine(/at the gate/);
  const { stdout } = await stage.run(["ps", "--json"]);
  const { id } = JSON.parse(stdout).workloads[0];
  await node.end("SIGKILL");
  // As it was left for the node that was killed.
  await new LocalRequests(stage.world.stateFolder)
    .ask({ type: "cancel", id, signal: "SIGTERM", at: Date.now() });
  await using followed = stage.start(["logs", "-f", "t1"]);
  await world.gate.open("no node");
  assertEquals(await followed.exited, 0);
  await using _next = await stage.startNode();
  assertEquals((await sender.reply("t1")).output, "at the gate\nlet through with no node\n");
  const { code, stderr } = await stage.run(["cancel", "t1"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "training t1 has ended already: ok");
});

Deno.test("a cancel that a killed node left is carried out by the next one", async () => {
  await using world = await setUp();
  const { stage, node, sender } = world;
  await sender.send({ command: "training", request_id: "t1" });
  await node.awaitLine(/at the gate/);
  const { stdout } = await stage.run(["ps", "--json"]);
  const { id } = JSON.parse(stdout).workloads[0];
  await node.end("SIGKILL");
  const requests = new LocalRequests(stage.world.stateFolder);
  await requests.ask({ type: "cancel", id, signal: "SIGINT", at: Date.now() });
  await using _next = await stage.startNode();
  assertEquals((await sender.reply("t1")).error, "Command was cancelled by SIGINT");
  assertEquals(requests.pending(), []);
});

Deno.test("cancel does without a node that ends before it has taken the request", async () => {
  await using world = await setUp();
  const { stage, node, sender } = world;
  await sender.send({ command: "training", request_id: "t1" });
  await node.awaitLine(/at the gate/);
  Deno.kill(node.pid, "SIGSTOP");
  await using cancelling = stage.start(["cancel", "t1"]);
  const requests = new LocalRequests(stage.world.stateFolder);
  while (requests.pending().length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await node.end("SIGKILL");
  await cancelling.awaitLine(/^training t1 is cancelled: sent SIGTERM to process \d+/);
  assertEquals(await cancelling.exited, 0);
  await using _next = await stage.startNode();
  assertEquals((await sender.reply("t1")).error, "Command was cancelled by SIGTERM");
});

Deno.test("cancel says what it did as it was, whatever happened meanwhile", () => {
  const running = { ...RECORD, state: "running", startedAt: 2, stop: STOP } as const;
  assertEquals(
    whatCancellingDid(running, "SIGINT"),
    "training r is cancelled. Sent SIGINT; its sender is answered once it has ended",
  );
  assertEquals(
    whatCancellingDid({ ...RECORD, stop: STOP }, "SIGINT"),
    "training r is cancelled. Took it out of the queue",
  );
  const cancelled = { ...running, state: "ended", end: { cause: "cancelled", bytes: 0 } } as const;
  assertStringIncludes(whatCancellingDid(cancelled, "SIGINT"), "is cancelled. Sent SIGINT");
  const table: [CommandRecord, string][] = [
    [{ ...cancelled, end: { cause: "exited", exitCode: 0, bytes: 0 } }, "has ended already: ok"],
    [{ ...cancelled, end: { cause: "timed_out", bytes: 0 } }, "has ended already: timed out"],
    [{ ...running, stop: undefined }, "has ended already: its sender is about to be answered"],
  ];
  for (const [record, message] of table) {
    assertThrows(() => whatCancellingDid(record, "SIGINT"), ConfigError, message);
  }
});

Deno.test("cancel says what it does not know or take", async () => {
  await using world = await setUp("  concurrency: 2\n");
  const { stage, node, sender } = world;
  for (const id of ["same-1", "same-2"]) {
    await sender.send({ command: "training", request_id: id });
    await node.awaitLine(/at the gate/);
  }
  const unclear = await stage.run(["cancel", "same"]);
  assertEquals(unclear.code, 2);
  assertMatch(
    unclear.stderr,
    /"same" matches several workloads: training same-2 \(\w+\), training same-1 \(/,
  );
  const table: [string[], string][] = [
    [[""], 'There is no workload "" in'],
    [["…"], 'There is no workload "…" in'],
    [["nobody"], 'There is no workload "nobody" in'],
    [["same-1", "--signal", "HUP"], "--signal must be one of SIGTERM, SIGINT, SIGKILL, got"],
    [[], '"cancel" needs <id|request_id>'],
  ];
  for (const [args, message] of table) {
    const { code, stderr } = await stage.run(["cancel", ...args]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
  }
});
