import { assertEquals, assertStringIncludes } from "@std/assert";
import type { CommandMessage } from "../../src/commands/packet.ts";
import { readRequester } from "../../src/commands/requester.ts";
import { Commands, WAITS } from "../support/commands.ts";
import { ScriptedExecutor } from "../support/scripted.ts";

const OWN = "cyberwave/cloud-node/u-1/response";

const TOPICS: readonly [topic: string, problem: string | undefined][] = [
  ["my/replies", undefined],
  ["devcyberwave/response/client-1", undefined],
  [OWN, undefined],
  ["", "is empty"],
  ["a/#", "holds a wildcard"],
  ["a/+/b", "holds a wildcard"],
  ["$SYS/broker", "belongs to the broker"],
  ["a\0b", "holds control characters or noncharacters"],
  ["a".repeat(1_001), "is too long"],
  ["cyberwave/cloud-node/u-2/response", "belongs to the platform"],
  ["cyberwave/cloud-node/u-1/command", "belongs to the platform"],
  ["devcyberwave/cloud-workload/w-1/update-status", "belongs to the platform"],
  ["cyberwave/cloud-node-token/t/request-instance", "belongs to the platform"],
];

for (const [responseTopic, problem] of TOPICS) {
  Deno.test(`a reply on ${JSON.stringify(responseTopic.slice(0, 60))}: ${problem ?? "is sent"}`, () => {
    const read = readRequester({ properties: { responseTopic } }, OWN)!;
    if (problem === undefined) assertEquals(read, { topic: responseTopic });
    else assertStringIncludes((read as { problem: string }).problem, problem);
  });
}

Deno.test("without a response topic nobody asks for a reply, and marks have a limit", () => {
  assertEquals(readRequester({}, OWN), undefined);
  assertEquals(readRequester({ properties: { correlationData: bytes("c") } }, OWN), undefined);
  const properties = { responseTopic: "a", correlationData: new Uint8Array(4_097) };
  assertEquals(readRequester({ properties }, OWN), {
    problem: "its correlation data is larger than 4096 bytes",
  });
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function from(responseTopic: string, mark?: string): Partial<CommandMessage> {
  return { properties: { responseTopic, ...(mark && { correlationData: bytes(mark) }) } };
}

/** Where the replies to a request went, and the marks they carried. */
function sent(test: Commands, requestId: string | null = "r1"): (string | undefined)[][] {
  return test.replies.all.filter(({ request_id }) => request_id === requestId)
    .map(({ topic, correlation }) => [topic, correlation]);
}

const COMMAND = { command: "inference", request_id: "r1", params: {} };

const ANSWERED: readonly [what: string, message: Record<string, unknown>][] = [
  ["status", { command: "status", request_id: "r1" }],
  ["cancel", { command: "cancel", request_id: "r1", params: { pid: 1 } }],
  ["an unknown command", { command: "reboot", request_id: "r1" }],
  ["a malformed message", { command: "inference", request_id: "r1", params: [] }],
  ["a kind that is not configured", { command: "training", request_id: "r1" }],
  ["an announcement", {
    command: "workload_received",
    request_id: "r1",
    params: { workload_uuid: "w-1" },
  }],
];

for (const [what, message] of ANSWERED) {
  Deno.test(`${what} is answered on the topic of the node and on that of the requester`, async () => {
    await using test = await Commands.start({ inference: "a", executor: new ScriptedExecutor() });
    await test.send(message, from("my/replies", "c1"));
    assertEquals(sent(test), [["replies/u-1", undefined], ["my/replies", "c1"]]);
    const [one, { topic: _, correlation: __, ...other }] = test.replies.all;
    assertEquals({ topic: one.topic, ...other }, one);
  });
}

Deno.test("a requester hears of a malformed message also without a request id", async () => {
  await using test = await Commands.start({});
  await test.send("{", from("my/replies"));
  assertEquals(sent(test, null), [["replies/u-1", undefined], ["my/replies", undefined]]);
});

Deno.test("a requester who listens on the topic of the node gets one reply, with its mark", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor });
  await test.send(COMMAND, from("replies/u-1", "c1"));
  (await executor.executions.next()).end();
  await test.idle();
  assertEquals(sent(test), [["replies/u-1", "c1"]]);
});

Deno.test("a refusal is answered to the requester", async () => {
  await using test = await Commands.start({ inference: "a", executor: new ScriptedExecutor() });
  test.parts.acceptor.drain();
  await test.send(COMMAND, from("my/replies", "c1"));
  assertEquals(sent(test), [["replies/u-1", undefined], ["my/replies", "c1"]]);
});

Deno.test("the reply reaches the requester also from the next node", async () => {
  const options = { inference: WAITS };
  await using test = await Commands.start(options);
  await test.send(COMMAND, from("my/replies", "c1"));
  await test.written("began");
  await test.restart(options);
  await test.letGo();
  await test.idle();
  assertEquals(sent(test), [["replies/u-1", undefined], ["my/replies", "c1"]]);
});

Deno.test("whoever repeats a command gets its reply: when it ends, or at once when it has", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor });
  await test.send(COMMAND, from("my/replies", "c1"));
  await test.send(COMMAND, from("my/replies", "c2"));
  await test.send(COMMAND, from("my/replies", "c2"));
  (await executor.executions.next()).end(undefined, "done");
  await test.idle();
  const first = [["replies/u-1", undefined], ["my/replies", "c1"], ["my/replies", "c2"]];
  assertEquals(sent(test), first);
  await test.send(COMMAND, from("other/replies", "c3"));
  assertEquals(sent(test), [...first, ...first, ["other/replies", "c3"]]);
  assertEquals(new Set(test.replies.all.map(({ output }) => output)), new Set(["done"]));
});

Deno.test("a topic on which no reply is sent costs the sender nothing but that", async () => {
  const executor = new ScriptedExecutor();
  await using test = await Commands.start({ inference: "a", executor });
  await test.send(COMMAND, from("cyberwave/cloud-workload/w-1/update-status"));
  (await executor.executions.next()).end();
  await test.idle();
  assertEquals(sent(test), [["replies/u-1", undefined]]);
  await test.logger.logged("No reply to a requester of its own: its response topic");
});
