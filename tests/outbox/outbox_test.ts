import { assertEquals, assertStringIncludes } from "@std/assert";
import { message, newCommand, SUCCESS } from "../support/journal.ts";
import { OutboxHarness as Harness } from "../support/outbox.ts";

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}

Deno.test("messages go out in order, as they are posted", () => {
  using test = new Harness();
  test.connect();
  test.post("1", "2");
  test.outbox.send([test.journal.messages.post(message("3"))]);
  assertEquals(test.broker.texts, ["1", "2", "3"]);
});

Deno.test("nothing goes out before there is a connection, then everything does, in order", () => {
  using test = new Harness();
  test.post("1", "2");
  test.outbox.send([test.journal.messages.post(message("3"))]);
  assertEquals(test.broker.texts, []);
  test.connect();
  assertEquals(test.broker.texts, ["1", "2", "3"]);
});

Deno.test("a message counts as delivered only once the broker has acknowledged it", async () => {
  using test = new Harness();
  test.connect();
  test.post("1", "2");
  (await test.broker.published.next()).acknowledge();
  await test.remembered();
  assertEquals(test.journal.messages.pending(0, { messages: 9, bytes: Infinity }).length, 1);
});

Deno.test("no more are on their way than the broker takes", async () => {
  using test = new Harness();
  test.broker.receiveMaximum = 2;
  test.connect();
  test.post(...numbers(1, 5));
  assertEquals(test.broker.texts, ["1", "2"]);
  (await test.broker.published.next()).acknowledge();
  await test.settle();
  assertEquals(test.broker.texts, ["1", "2", "3"]);
});

Deno.test("no more than 64 are on their way, whatever the broker would take", () => {
  using test = new Harness();
  test.connect();
  test.post(...numbers(1, 100));
  assertEquals(test.broker.texts, numbers(1, 64));
});

Deno.test("a backlog of several pages goes out in order, together with what comes meanwhile", async () => {
  for (const backlog of [64, 65, 128, 200]) {
    using test = new Harness();
    test.post(...numbers(1, backlog));
    test.broker.acknowledging = true;
    test.connect();
    test.post(String(backlog + 1));
    await test.outbox.drained(new AbortController().signal);
    assertEquals(test.broker.texts, numbers(1, backlog + 1));
  }
});

Deno.test("when the connection is lost, all that was not acknowledged goes out again, in order", async () => {
  using test = new Harness();
  test.connect();
  test.post(...numbers(1, 4));
  const [, second] = test.broker.published.all;
  second.acknowledge();
  await test.settle();
  test.disconnect();
  await test.settle();
  test.post("5");
  test.connect();
  assertEquals(test.broker.texts.slice(4), ["1", "3", "4", "5"]);
});

Deno.test("an answer that comes late, from an earlier connection, counts and frees no place twice", async () => {
  using test = new Harness();
  test.broker.receiveMaximum = 1;
  test.connect();
  test.post("1", "2", "3");
  const first = await test.broker.published.next();
  test.connect();
  assertEquals(test.broker.texts, ["1", "1"]);
  first.acknowledge();
  await test.settle();
  assertEquals(test.broker.texts, ["1", "1"], "the second one is still on its way");
  await test.remembered();
  assertEquals(test.journal.messages.pendingCount(), 2);
});

Deno.test("what the broker refuses is told once, kept, and holds nothing up", async () => {
  using test = new Harness();
  test.broker.receiveMaximum = 1;
  test.connect();
  test.post("1", "2", "3");
  (await test.broker.published.next()).fail("not authorized");
  (await test.broker.published.next()).fail("not authorized");
  (await test.broker.published.next()).acknowledge();
  await test.remembered();
  assertEquals(test.broker.texts, ["1", "2", "3"]);
  assertEquals(test.logger.shown, [
    'warn: Cannot publish on "t": not authorized; refused messages are kept, and sent again later',
  ]);
  assertEquals(test.journal.messages.pendingCount(), 2);
});

Deno.test("what the broker refuses on a stranger's topic is dropped, and owed to nobody", async () => {
  using test = new Harness();
  test.connect();
  test.outbox.post(message("reply", "a stranger's"));
  test.broker.published.all[0].fail("not authorized");
  await test.remembered();
  assertEquals(test.journal.messages.pendingCount(), 0);
  assertEquals(test.logger.shown, ['error: Cannot publish on "a stranger\'s": not authorized']);
});

Deno.test("what the broker refuses is sent again ever more rarely, and at each new connection", async () => {
  using test = new Harness();
  test.connect();
  test.post("1", "2");
  (await test.broker.published.next(({ text }) => text === "2")).acknowledge();
  for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
    (await test.broker.published.next()).fail("not authorized");
    await test.settle();
    const sent = test.broker.texts.length;
    await test.clock.advance(seconds * 1_000 - 1);
    assertEquals(test.broker.texts.length, sent);
    await test.clock.advance(1);
    assertEquals(test.broker.texts.slice(sent), ["1"]);
  }
  await test.broker.published.next();
  test.disconnect();
  await test.settle();
  const sent = test.broker.texts.length;
  test.connect();
  assertEquals(test.broker.texts.slice(sent), ["1"]);
  (await test.broker.published.next()).acknowledge();
  await test.remembered();
  assertEquals(test.journal.messages.pendingCount(), 0);
});

Deno.test("what was refused goes out again without what is on its way", async () => {
  using test = new Harness();
  test.connect();
  test.post("1", "2");
  (await test.broker.published.next()).fail("quota exceeded");
  await test.settle();
  await test.clock.advance(1_000);
  assertEquals(test.broker.texts, ["1", "2", "1"]);
});

Deno.test("drained() gives up on what the broker goes on refusing, and tells how much it is", async () => {
  using test = new Harness();
  test.connect();
  test.post("1", "2");
  const { signal } = new AbortController();
  const drained = test.outbox.drained(signal, 10_000);
  (await test.broker.published.next()).fail("not authorized");
  await test.settle();
  (await test.broker.published.next()).acknowledge();
  await test.settle();
  await test.clock.sleepingFor(10_000);
  await test.clock.advance(10_000);
  assertEquals(await drained, 1);
  assertEquals(test.journal.messages.pendingCount(), 1);
});

Deno.test("drained() gives up on nothing that still may be taken", async () => {
  using test = new Harness();
  test.connect();
  test.post("1", "2");
  const drained = test.outbox.drained(new AbortController().signal, 0);
  (await test.broker.published.next()).fail("not authorized");
  await test.remembered();
  (await test.broker.published.next()).acknowledge();
  await test.remembered();
  assertEquals([await drained, test.journal.messages.pendingCount()], [1, 1]);
});

Deno.test("messages that cannot be stored keep to the window, and are lost before they fill the memory", async () => {
  using test = new Harness(() => ({
    post() {
      throw new Error("database or disk is full");
    },
  }));
  test.broker.receiveMaximum = 1;
  test.connect();
  test.post(...numbers(1, 1_002));
  assertEquals(test.broker.texts, ["1"]);
  await test.logger.logged('Cannot publish on "t": too many wait');
  test.broker.acknowledging = true;
  (await test.broker.published.next()).acknowledge();
  await test.settle();
  assertEquals(test.broker.texts, numbers(1, 1_001));
});

Deno.test("drained() resolves when the last message is acknowledged", async () => {
  using test = new Harness();
  const { signal } = new AbortController();
  await test.outbox.drained(signal);
  test.connect();
  test.post("1", "2");
  let isDrained = false;
  const drained = test.outbox.drained(signal).then(() => isDrained = true);
  (await test.broker.published.next()).acknowledge();
  await test.settle();
  assertEquals(isDrained, false);
  (await test.broker.published.next()).acknowledge();
  await drained;
  assertEquals(test.journal.messages.pendingCount(), 0);
});

Deno.test("drained() waits across a lost connection", async () => {
  using test = new Harness();
  test.connect();
  test.post("1");
  const drained = test.outbox.drained(new AbortController().signal);
  test.disconnect();
  await test.settle();
  test.broker.acknowledging = true;
  test.connect();
  await drained;
});

Deno.test("drained() gives up when it is told to, before or meanwhile", async () => {
  using test = new Harness();
  test.post("1");
  await test.outbox.drained(AbortSignal.abort());
  const stop = new AbortController();
  const drained = test.outbox.drained(stop.signal);
  stop.abort();
  await drained;
  assertEquals(test.journal.messages.pendingCount(), 1);
});

Deno.test("an answer that is owed again goes out again", async () => {
  using test = new Harness();
  test.broker.acknowledging = true;
  test.connect();
  test.journal.accept(newCommand("c1"));
  test.outbox.send(test.journal.end("c1", SUCCESS, [message("answer")]));
  await test.remembered();
  test.outbox.send(test.journal.messages.repost("c1")!);
  await test.outbox.drained(new AbortController().signal);
  assertEquals(test.broker.texts, ["answer", "answer"]);
});

Deno.test("an answer that is owed again while a backlog goes out is not forgotten behind it", async () => {
  using test = new Harness();
  test.journal.accept(newCommand("c1"));
  const [answer] = test.journal.end("c1", SUCCESS, [message("answer")]);
  test.journal.messages.delivered([answer.seq]);
  test.post(...numbers(1, 200));
  test.connect();
  test.outbox.send(test.journal.messages.repost("c1")!);
  test.broker.acknowledging = true;
  for (const { acknowledge } of test.broker.published.all) acknowledge();
  await test.outbox.drained(new AbortController().signal);
  assertEquals(test.broker.texts.filter((text) => text === "answer").length, 1);
  assertEquals(test.broker.texts.filter((text) => text !== "answer"), numbers(1, 200));
});

Deno.test("an answer that is owed again is not taken for delivered because it was before", async () => {
  using test = new Harness();
  test.connect();
  test.journal.accept(newCommand("c1"));
  test.outbox.send(test.journal.end("c1", SUCCESS, [message("answer")]));
  (await test.broker.published.next()).acknowledge();
  await test.settle();
  test.outbox.send(test.journal.messages.repost("c1")!);
  await test.remembered();
  assertEquals(test.journal.messages.pendingCount(), 1);
});

Deno.test("an outage keeps no messages in memory: the next connection reads them from the journal", async () => {
  let reads = 0;
  using test = new Harness((journal) => ({
    pending: (after, limit) => {
      reads++;
      return journal.messages.pending(after, limit);
    },
  }));
  test.connect();
  test.disconnect();
  test.post(...numbers(1, 10));
  test.broker.connected = true;
  test.post("11");
  await test.settle();
  assertEquals([reads, test.broker.texts], [1, ["11"]]);
});

Deno.test("a message that cannot be stored is sent all the same, once", async () => {
  using test = new Harness(() => ({
    post() {
      throw new Error("database or disk is full");
    },
  }));
  test.connect();
  test.post("1");
  const line = await test.logger.logged("Cannot store a message");
  assertStringIncludes(line, "database or disk is full");
  (await test.broker.published.next()).fail("the connection was lost");
  await test.logger.logged("Cannot publish");
  assertEquals(test.broker.texts, ["1"]);
});

Deno.test("deliveries that cannot be stored are tried ever more rarely, and stored in the end", async () => {
  let isFull = true;
  using test = new Harness((journal) => ({
    delivered(seqs) {
      if (isFull) throw new Error("database or disk is full");
      journal.messages.delivered(seqs);
    },
  }));
  test.broker.acknowledging = true;
  test.connect();
  test.post("1");
  await test.remembered();
  for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
    await test.logger.logged("Cannot store that messages were delivered");
    await test.clock.advance(seconds * 1_000 - 1);
    assertEquals(test.logger.lines.all.length, test.logger.shown.length);
    await test.clock.advance(1);
  }
  assertEquals([test.journal.messages.pendingCount(), test.logger.shown.length], [1, 9]);
  isFull = false;
  await test.clock.advance(60_000);
  assertEquals([test.journal.messages.pendingCount(), test.broker.texts], [0, ["1"]]);
});

Deno.test("closing writes down what was delivered and leaves no timer", async () => {
  const test = new Harness();
  test.broker.acknowledging = true;
  test.connect();
  test.post("1");
  await test.settle();
  test.outbox.close();
  assertEquals(test.journal.messages.pendingCount(), 0);
  let sleeps = false;
  test.clock.sleeping().then(() => sleeps = true);
  await test.settle();
  assertEquals(sleeps, false);
  test[Symbol.dispose]();
});

Deno.test("after it is closed nothing more is stored, sent or waited for", async () => {
  const test = new Harness();
  test.connect();
  test.post("1", "2", "3");
  const [first, second] = test.broker.published.all;
  test.outbox.close();
  first.acknowledge();
  second.fail("not authorized");
  await test.settle();
  test.post("4");
  assertEquals([test.broker.texts.length, test.journal.messages.pendingCount()], [3, 4]);
  let sleeps = false;
  test.clock.sleeping().then(() => sleeps = true);
  await test.settle();
  assertEquals(sleeps, false);
  test[Symbol.dispose]();
});

Deno.test("a message that was read from the journal already is not sent a second time", async () => {
  using test = new Harness();
  test.broker.receiveMaximum = 1;
  const stored = ["1", "2", "3"].map((text) => test.journal.messages.post(message(text)));
  test.connect();
  test.outbox.send(stored);
  test.broker.acknowledging = true;
  (await test.broker.published.next()).acknowledge();
  await test.outbox.drained(new AbortController().signal);
  assertEquals(test.broker.texts, ["1", "2", "3"]);
});

Deno.test("publishNow() sends a message past all that waits, and stores nothing", async () => {
  using test = new Harness();
  const status = (text: string) => test.outbox.publishNow(message(text));
  assertEquals(status("offline"), false);
  test.broker.receiveMaximum = 2;
  test.connect();
  test.post("1");
  assertEquals([status("now"), status("too many")], [true, false]);
  assertEquals([test.broker.texts, test.journal.messages.pendingCount()], [["1", "now"], 1]);
  (await test.broker.published.next(({ text }) => text === "now")).fail("not authorized");
  await test.logger.logged('Cannot publish on "t": not authorized');
  test.post("2");
  assertEquals(test.broker.texts, ["1", "now", "2"]);
});

Deno.test("after an outage no more than some megabytes are read and sent at a time", async () => {
  let read = 0;
  using test = new Harness((journal) => ({
    pending(after, limit) {
      const page = journal.messages.pending(after, limit);
      read += page.reduce((sum, { payload }) => sum + payload.length, 0);
      return page;
    },
  }));
  const megabyte = "x".repeat(1024 * 1024);
  test.post(...Array.from({ length: 40 }, () => megabyte));
  test.connect();
  assertEquals([read / megabyte.length, test.broker.texts.length], [8, 8]);
  for (const { acknowledge } of test.broker.published.all) acknowledge();
  await test.settle();
  assertEquals([read / megabyte.length, test.broker.texts.length], [16, 16]);
  test.post(...Array.from({ length: 40 }, () => megabyte));
  test.broker.acknowledging = true;
  for (const { acknowledge } of test.broker.published.all) acknowledge();
  await test.outbox.drained(new AbortController().signal);
  assertEquals([read / megabyte.length, test.broker.texts.length], [80, 80]);
});

Deno.test("while the broker is slow, what is posted waits in the journal and not in memory", async () => {
  let reads = 0;
  using test = new Harness((journal) => ({
    pending(after, limit) {
      reads++;
      return journal.messages.pending(after, limit);
    },
  }));
  test.broker.receiveMaximum = 1;
  test.connect();
  test.post(...numbers(1, 500));
  assertEquals(reads, 1);
  test.broker.acknowledging = true;
  (await test.broker.published.next()).acknowledge();
  await test.outbox.drained(new AbortController().signal);
  assertEquals(test.broker.texts, numbers(1, 500));
});

Deno.test("when the journal cannot be read, that is logged and tried again", async () => {
  let isBroken = true;
  using test = new Harness((journal) => ({
    pending(after, limit) {
      if (isBroken) throw new Error("disk I/O error");
      return journal.messages.pending(after, limit);
    },
  }));
  test.post("1");
  test.connect();
  await test.logger.logged("Cannot read what is to be sent: disk I/O error; retrying");
  isBroken = false;
  await test.clock.advance(1_000);
  assertEquals(test.broker.texts, ["1"]);
});

Deno.test("a stored message with a topic that MQTT forbids is set aside, and blocks nothing", async () => {
  using test = new Harness();
  test.outbox.post(message("bad", "cyberwave/cloud-workload/x\u0085y/update-status"));
  test.post("good");
  test.broker.acknowledging = true;
  test.connect();
  await test.outbox.drained(new AbortController().signal);
  assertEquals(test.broker.texts, ["good"]);
  assertEquals(test.logger.shown, [
    'error: Cannot publish on "cyberwave/cloud-workload/x\u0085y/update-status": ' +
    "the topic holds control characters or noncharacters; it is not sent",
  ]);
});
