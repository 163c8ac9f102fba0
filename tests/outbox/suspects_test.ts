import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Failure } from "../../src/mqtt/failure.ts";
import { treatmentAfter } from "../../src/outbox/suspects.ts";
import { encodeReply, okReply, type Reply, whole } from "../../src/protocol/response.ts";
import { message } from "../support/journal.ts";
import { OutboxHarness } from "../support/outbox.ts";

const REPLY = okReply({ slug: "s", uuid: "u" }, "r1", whole("x".repeat(300_000)));

function post(test: OutboxHarness, reply: Reply): void {
  test.outbox.post({ topic: "t", payload: encodeReply(reply) });
}

/** What was sent last. */
function last(test: OutboxHarness): string {
  return test.broker.texts.at(-1)!;
}

Deno.test("a message goes through these treatments, closing by closing", () => {
  const after = (isReply: boolean) =>
    [0, 1, 2, 3, 4, 5, 6, 7].map((n) => treatmentAfter(n, isReply));
  assertEquals(after(true), [
    "sent",
    "sent",
    "sent",
    "sent alone",
    "cut",
    "replaced",
    "set aside",
    "set aside",
  ]);
  assertEquals(after(false), ["sent", "sent", "sent", "sent alone", ...Array(4).fill("set aside")]);
});

Deno.test("a reply over which the broker closes the connection is sent alone, then cut, then replaced", async () => {
  using test = new OutboxHarness();
  test.connect();
  test.post("before");
  post(test, REPLY);
  test.post("after");
  for (const _ of [1, 2]) await test.closeOver();
  assertEquals(test.broker.texts.length, 9, "all three, three times");
  await test.closeOver();
  assertEquals([test.broker.texts.length, last(test)], [10, "before"]);
  test.broker.published.all.at(-1)!.acknowledge();
  await test.settle();
  assertEquals([test.broker.texts.length, last(test).length], [11, encodeReply(REPLY).length]);
  await test.closeOver();
  const cut: Reply = JSON.parse(last(test));
  assertEquals([cut.status, cut.output_truncated, cut.request_id], ["ok", true, "r1"]);
  assertEquals(last(test).length <= 16 * 1024, true);
  await test.closeOver();
  const { status, error, request_id } = JSON.parse(last(test));
  assertEquals([status, request_id], ["error", "r1"]);
  assertStringIncludes(error, "cannot be delivered");
  test.broker.acknowledging = true;
  test.broker.published.all.at(-1)!.acknowledge();
  await test.outbox.drained(new AbortController().signal);
  assertEquals(last(test), "after");
  assertEquals(
    test.logger.shown.filter((line) => line.includes('"r1"')).map((line) =>
      line.split("; ").at(-1)
    ),
    ["sending it alone", "cutting its text", "sending a short error in its place"],
  );
});

Deno.test("whatever the broker closes the connection over, in the end the others get through", async () => {
  for (const bad of [encodeReply(REPLY), message("no reply").payload]) {
    using test = new OutboxHarness();
    test.outbox.post({ topic: "bad", payload: bad });
    test.post("good");
    test.connect();
    for (
      let answered = 0, turns = 0;
      test.journal.messages.pendingCount() > 0 && turns < 20;
      turns++
    ) {
      const sent = test.broker.published.all.slice(answered);
      answered += sent.length;
      if (sent.some(({ topic }) => topic === "bad")) await test.closeOver();
      else for (const { acknowledge } of sent) acknowledge();
      await test.remembered();
    }
    assertEquals([test.journal.messages.pendingCount(), last(test)], [0, "good"]);
    assertStringIncludes(test.logger.shown.at(-1)!, "it is not sent again");
  }
});

Deno.test("a message that the broker answers is no longer suspicious", async () => {
  using test = new OutboxHarness();
  test.connect();
  test.post("1", "2");
  for (const _ of [1, 2, 3]) await test.closeOver();
  test.broker.published.all.at(-1)!.fail("not authorized");
  await test.settle();
  test.broker.published.all.at(-1)!.acknowledge();
  await test.settle();
  test.post("3", "4");
  assertEquals(test.broker.texts.slice(-4), ["1", "2", "3", "4"]);
});

Deno.test("closings that are not due to what was sent count for nothing", async () => {
  const outages: Failure[] = [
    { kind: "outage", why: "the broker is shutting down" },
    { kind: "storage", why: "the disk is full" },
    { kind: "trouble", why: "another client connected with the same client id" },
  ];
  for (const failure of outages) {
    using test = new OutboxHarness();
    test.connect();
    post(test, REPLY);
    for (let closings = 0; closings < 9; closings++) await test.closeOver(failure);
    assertEquals(last(test).length, encodeReply(REPLY).length);
    assertEquals(test.logger.shown, []);
  }
});
