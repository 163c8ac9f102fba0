import { assertEquals } from "@std/assert";
import { message } from "../support/journal.ts";
import { OutboxHarness } from "../support/outbox.ts";

/** Posts messages on a topic whose order matters: the workload's name, then numbers. */
function tell(test: OutboxHarness, ...texts: string[]): void {
  for (const text of texts) test.outbox.post(message(text, `${text[0]}/in order`));
}

Deno.test("where the order matters a message waits for the one before, and for no other", async () => {
  using test = new OutboxHarness();
  test.connect();
  tell(test, "a1", "a2", "b1", "a3");
  test.post("free");
  assertEquals(test.broker.texts, ["a1", "b1", "free"]);
  test.broker.published.all[0].acknowledge();
  await test.settle();
  assertEquals(test.broker.texts, ["a1", "b1", "free", "a2"]);
  // The one before is remembered by then, so that no crash sends it again behind this one.
  const left = test.journal.messages.pending(0, { messages: 9, bytes: Infinity }).map((
    { payload },
  ) => new TextDecoder().decode(payload));
  assertEquals(left, ["a2", "b1", "a3", "free"]);
});

Deno.test("also when the one before was delivered just now", async () => {
  using test = new OutboxHarness();
  test.broker.acknowledging = true;
  test.connect();
  tell(test, "a1");
  await test.settle();
  assertEquals(test.journal.messages.pendingCount(), 1, "that is written down a little later");
  test.broker.acknowledging = false;
  tell(test, "a2");
  assertEquals([test.broker.texts, test.journal.messages.pendingCount()], [["a1", "a2"], 1]);
});

Deno.test("after a lost connection only the one that was on its way is repeated", async () => {
  using test = new OutboxHarness();
  test.connect();
  tell(test, "a1", "a2", "a3");
  test.broker.published.all[0].acknowledge();
  await test.settle();
  test.disconnect();
  await test.settle();
  test.broker.acknowledging = true;
  test.connect();
  await test.outbox.drained(new AbortController().signal);
  assertEquals(test.broker.texts, ["a1", "a2", "a2", "a3"]);
});

Deno.test("behind one that is refused the others wait, while other topics go on", async () => {
  using test = new OutboxHarness();
  test.connect();
  tell(test, "a1", "a2");
  (await test.broker.published.next()).fail("quota exceeded");
  await test.settle();
  tell(test, "a3", "b1");
  assertEquals(test.broker.texts, ["a1", "b1"]);
  test.broker.acknowledging = true;
  await test.clock.advance(1_000);
  await test.settle();
  assertEquals(test.broker.texts, ["a1", "b1", "a1", "a2", "a3"]);
});

Deno.test("drained() gives up on what waits behind a refused one as well", async () => {
  using test = new OutboxHarness();
  test.connect();
  tell(test, "a1", "a2", "a3");
  const left = test.outbox.drained(new AbortController().signal, 5_000);
  (await test.broker.published.next()).fail("not authorized");
  await test.settle();
  await test.clock.advance(1_000);
  (await test.broker.published.next()).fail("not authorized");
  await test.settle();
  await test.clock.advance(4_000);
  assertEquals(await left, 3);
});

Deno.test("while deliveries cannot be written down the next one waits, and goes when they can", async () => {
  let diskIsFull = true;
  using test = new OutboxHarness((journal) => ({
    delivered(seqs) {
      if (diskIsFull) throw new Error("database or disk is full");
      journal.messages.delivered(seqs);
    },
  }));
  test.broker.acknowledging = true;
  test.connect();
  tell(test, "a1", "a2");
  await test.settle();
  assertEquals(test.broker.texts, ["a1"]);
  diskIsFull = false;
  await test.clock.advance(1_000);
  assertEquals(test.broker.texts, ["a1", "a2"]);
});

Deno.test("messages that wait hide none of a long backlog", async () => {
  using test = new OutboxHarness();
  tell(test, ...Array.from({ length: 200 }, (_, index) => `a${index}`), "b1");
  test.connect();
  assertEquals(test.broker.texts, ["a0", "b1"]);
  test.broker.acknowledging = true;
  for (const { acknowledge } of test.broker.published.all) acknowledge();
  await test.outbox.drained(new AbortController().signal);
  assertEquals(test.broker.texts.length, 201);
});
