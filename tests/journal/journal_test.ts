import { assert, assertEquals, assertThrows } from "@std/assert";
import { message, newCommand, processHandle, SUCCESS, TestJournal } from "../support/journal.ts";

const HANDLE = processHandle({ pid: 4242, startTime: "123456", bootId: "boot-1" });
const SECOND = 1_000;

function texts(messages: readonly { payload: Uint8Array }[]): string[] {
  return messages.map(({ payload }) => new TextDecoder().decode(payload));
}

Deno.test("a command is queued, runs and ends, and every step survives a restart", async () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("c1", { workloadUuid: "w-1" }));
  const acceptedAt = test.clock.now();
  const queued = test.restart().find("c1");
  assertEquals(queued, {
    id: "c1",
    kind: "inference",
    requestId: "request-c1",
    workloadUuid: "w-1",
    hasToken: false,
    slug: "my-node",
    instanceUuid: "u-1",
    replyTopic: "cyberwave/cloud-node/u-1/response",
    state: "queued",
    acceptedAt,
    startedAt: undefined,
    handle: undefined,
    stop: undefined,
    endedAt: undefined,
    end: undefined,
  });

  await test.clock.advance(SECOND);
  test.journal.start("c1", HANDLE);
  const running = test.restart().find("c1")!;
  assertEquals([running.state, running.startedAt, running.handle], [
    "running",
    acceptedAt + SECOND,
    HANDLE,
  ]);

  test.journal.requestStop("c1", { cause: "cancelled", signal: "SIGINT", at: acceptedAt });
  assertEquals(test.restart().find("c1")!.stop, {
    cause: "cancelled",
    signal: "SIGINT",
    at: acceptedAt,
  });

  await test.clock.advance(SECOND);
  test.journal.end("c1", { cause: "cancelled", signal: "SIGINT", exitCode: 130, bytes: 7 }, []);
  const ended = test.restart().find("c1")!;
  assertEquals([ended.state, ended.endedAt], ["ended", acceptedAt + 2 * SECOND]);
  assertEquals(ended.end, { cause: "cancelled", signal: "SIGINT", exitCode: 130, bytes: 7 });
});

Deno.test("an end keeps that the kernel killed a process for lack of memory meanwhile", () => {
  using test = new TestJournal();
  const end = { cause: "exited", exitCode: 137, oomKill: true, bytes: 0 } as const;
  test.journal.accept(newCommand("c1"));
  test.journal.start("c1", HANDLE);
  test.journal.end("c1", end, []);
  assertEquals(test.restart().find("c1")!.end, { ...end, signal: undefined });
});

Deno.test("a command may be accepted and started at once", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("c1"), HANDLE);
  const { state, handle, startedAt, acceptedAt } = test.journal.find("c1")!;
  assertEquals([state, handle, startedAt], ["running", HANDLE, acceptedAt]);
});

Deno.test("an attempt is stored before there is a process, and its process once it is known", () => {
  using test = new TestJournal();
  const { process, ...starting } = HANDLE;
  test.journal.accept(newCommand("c1"), starting);
  assertEquals(test.restart().find("c1")!.handle, starting);
  test.journal.running("c1", { ...starting, process });
  const { state, handle, startedAt, acceptedAt } = test.restart().find("c1")!;
  assertEquals([state, handle, startedAt], ["running", HANDLE, acceptedAt]);
});

Deno.test("what version 0.1.0 started has a handle as well", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("c1"), HANDLE);
  test.write("UPDATE commands SET handle = NULL");
  const { bootId, process } = HANDLE;
  assertEquals(test.restart().find("c1")!.handle, {
    executor: "process",
    attempt: "",
    bootId,
    process,
  });
});

Deno.test("a command is found by the packet that brought it, and only by that", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("c1", { requestId: undefined, packet: "session-1/7/hash" }));
  test.journal.accept(newCommand("c2", { requestId: undefined }));
  test.journal.end("c1", SUCCESS, []);
  const found = (packet: string) => test.restart().findPacket(packet)?.id;
  assertEquals([found("session-1/7/hash"), found("session-1/8/hash"), found("")], [
    "c1",
    undefined,
    undefined,
  ]);
});

Deno.test("a command that never began goes back to its place in the queue", () => {
  using test = new TestJournal();
  for (const id of ["c1", "c2"]) test.journal.accept(newCommand(id));
  test.journal.start("c1", HANDLE);
  test.journal.requeue("c1");
  const unfinished = test.journal.unfinished();
  assertEquals(unfinished.map(({ id, state }) => [id, state]), [["c1", "queued"], [
    "c2",
    "queued",
  ]]);
  assertEquals([unfinished[0].handle, unfinished[0].startedAt], [undefined, undefined]);
});

Deno.test("unfinished commands come in the order of their acceptance, whatever their ids", () => {
  using test = new TestJournal();
  for (const id of ["z", "a", "m", "b"]) test.journal.accept(newCommand(id));
  test.journal.start("m", HANDLE);
  test.journal.end("a", SUCCESS, []);
  assertEquals(test.restart().unfinished().map(({ id }) => id), ["z", "m", "b"]);
});

Deno.test("an id is given once only", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("c1"));
  assertThrows(() => test.journal.accept(newCommand("c1", { requestId: "other" })));
  assertEquals(test.journal.find("c1")!.requestId, "request-c1");
});

Deno.test("params are kept until the end, and loaded only when asked for", () => {
  using test = new TestJournal();
  const params = JSON.stringify({ nul: "\0", quote: "'\"", astral: "😀", lone: "\ud800" });
  test.journal.accept(newCommand("c1", { params }));
  assertEquals(test.restart().params("c1"), params);
  for (const record of [test.journal.find("c1"), ...test.journal.unfinished()]) {
    assert(!Object.hasOwn(record!, "params"));
  }
  test.journal.end("c1", SUCCESS, []);
  assertEquals(test.journal.params("c1"), "");
});

Deno.test("hostile request ids come back exactly as they were", () => {
  using test = new TestJournal();
  const hostile = ["", "a\0b", "a", "a\0", "\ud800", "\ud801", "😀", "'; DROP TABLE commands; --"];
  hostile.forEach((requestId, index) =>
    test.journal.accept(newCommand(`c${index}`, { requestId }))
  );
  test.restart();
  hostile.forEach((requestId, index) => {
    assertEquals(test.journal.findRequest("inference", requestId, 0)?.id, `c${index}`);
    assertEquals(test.journal.find(`c${index}`)?.requestId, requestId);
  });
});

Deno.test("a request is found by its id and kind together", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("c1", { requestId: "r" }));
  test.journal.accept(newCommand("c2", { requestId: undefined }));
  assertEquals(test.journal.findRequest("inference", "r", 0)?.id, "c1");
  assertEquals(test.journal.findRequest("training", "r", 0), undefined);
  assertEquals(test.journal.findRequest("inference", "R", 0), undefined);
  for (const id of ["", "null", "undefined"]) {
    assertEquals(test.journal.findRequest("inference", id, 0), undefined);
  }
});

Deno.test("an unfinished request is never too old, an ended one is from its end on", async () => {
  using test = new TestJournal();
  const { clock } = test;
  test.journal.accept(newCommand("c1", { requestId: "r" }), HANDLE);
  await clock.advance(100 * SECOND);
  const find = (since: number) => test.journal.findRequest("inference", "r", since)?.id;
  assertEquals(find(clock.now()), "c1");
  test.journal.end("c1", SUCCESS, []);
  assertEquals(find(clock.now()), "c1");
  assertEquals(find(clock.now() + 1), undefined);
});

Deno.test("of two requests with one id the newer is found", () => {
  using test = new TestJournal();
  for (const id of ["c1", "c2"]) {
    test.journal.accept(newCommand(id, { requestId: "r" }));
    test.journal.end(id, SUCCESS, []);
  }
  assertEquals(test.journal.findRequest("inference", "r", 0)?.id, "c2");
});

Deno.test("messages are pending in the order in which they were stored, page by page", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("c1"));
  test.journal.messages.post(message("1"));
  test.journal.end("c1", SUCCESS, [message("2"), message("3")]);
  test.journal.messages.post(message("4", "other/topic"));
  test.restart();
  const page = test.journal.messages.pending(0, { messages: 3, bytes: Infinity });
  assertEquals(texts(page), ["1", "2", "3"]);
  const rest = test.journal.messages.pending(page.at(-1)!.seq, { messages: 3, bytes: Infinity });
  assertEquals(rest.map(({ topic }) => topic), ["other/topic"]);
  assertEquals(
    test.journal.messages.pending(rest.at(-1)!.seq, { messages: 3, bytes: Infinity }),
    [],
  );
  assertEquals(test.journal.messages.pendingCount(), 4);
});

Deno.test("a page of undelivered messages has at most so many bytes, or one message that has more", () => {
  using test = new TestJournal();
  for (const text of ["1111", "22", "33", "4444444444", "5"]) {
    test.journal.messages.post(message(text));
  }
  const page = (after: number) =>
    test.journal.messages.pending(after, { messages: 9, bytes: 6 }).map(({ seq }) => seq);
  assertEquals([page(0), page(2), page(3), page(4), page(5)], [[1, 2], [3], [4], [5], []]);
});

Deno.test("a payload comes back byte for byte", () => {
  using test = new TestJournal();
  const payload = Uint8Array.from({ length: 256 }, (_, index) => index);
  test.journal.messages.post({ topic: "t", payload });
  assertEquals(
    [...test.restart().messages.pending(0, { messages: 1, bytes: Infinity })[0].payload],
    [...payload],
  );
});

Deno.test("what is delivered is not pending, and what was posted later comes after it", () => {
  using test = new TestJournal();
  const first = test.journal.messages.post(message("1"));
  const second = test.journal.messages.post(message("2"));
  test.journal.messages.delivered([first.seq, second.seq]);
  assertEquals([
    test.journal.messages.pending(0, { messages: 9, bytes: Infinity }),
    test.journal.messages.pendingCount(),
  ], [
    [],
    0,
  ]);
  const third = test.restart().messages.post(message("3"));
  assert(third.seq > second.seq, "numbers are never used again");
});

Deno.test("delivered messages that belong to no command leave nothing behind", () => {
  using test = new TestJournal();
  const { seq } = test.journal.messages.post(message("status"));
  test.journal.messages.delivered([seq]);
  assertEquals(countOf(test, "outbox"), 0);
});

Deno.test("the end and its message are stored together or not at all", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("c1"), HANDLE);
  const impossible = { topic: null as unknown as string, payload: new Uint8Array() };
  assertThrows(() => test.journal.end("c1", SUCCESS, [message("1"), impossible]));
  assertEquals([test.journal.find("c1")!.state, test.journal.messages.pendingCount()], [
    "running",
    0,
  ]);
  test.journal.end("c1", SUCCESS, [message("2")]);
  assertEquals(texts(test.journal.messages.pending(0, { messages: 9, bytes: Infinity })), ["2"]);
});

Deno.test("an answer can be owed again", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("c1"));
  const [answer] = test.journal.end("c1", SUCCESS, [message("answer")]);
  test.journal.messages.delivered([answer.seq]);
  assertEquals(texts(test.journal.messages.repost("c1")!), ["answer"]);
  assertEquals(texts(test.restart().messages.pending(0, { messages: 9, bytes: Infinity })), [
    "answer",
  ]);
  assertEquals(test.journal.messages.repost("nobody"), undefined);
});

Deno.test("a command is answered when it ended and all its messages are delivered", async () => {
  using test = new TestJournal();
  for (const id of ["c1", "c2", "c3", "c4"]) test.journal.accept(newCommand(id));
  const [second] = test.journal.end("c2", SUCCESS, [message("2")]);
  await test.clock.advance(SECOND);
  const [first] = test.journal.end("c1", SUCCESS, [message("1")]);
  test.journal.end("c3", SUCCESS, [message("3")]);
  assertEquals(test.answered(), []);
  test.journal.messages.delivered([first.seq, second.seq]);
  assertEquals(test.answered(), ["c2", "c1"]);
  test.journal.messages.repost("c1");
  assertEquals(test.answered(), ["c2"]);
});

Deno.test("a workload of the platform is found while it is not over, and then until it is forgotten", () => {
  using test = new TestJournal();
  const { journal, clock } = test;
  const found = (since = 0) => {
    const known = journal.findWorkload("w-1", since);
    return known && [known.id, known.isOver];
  };
  journal.accept(newCommand("other", { workloadUuid: "w-2" }));
  assertEquals(found(), undefined);
  journal.accept(newCommand("c1", { workloadUuid: "w-1" }));
  assertEquals(found(Infinity), ["c1", false]);
  journal.end("c1", SUCCESS, [], true);
  assertEquals(found(Infinity), ["c1", false]);
  journal.finalized("c1");
  assertEquals([found(clock.now()), found(Infinity)], [["c1", true], undefined]);
  journal.accept(newCommand("c2", { workloadUuid: "w-1" }));
  // A refusal in between is no run.
  journal.accept(newCommand("c3", { workloadUuid: "w-1" }));
  journal.end("c3", { cause: "not_started", bytes: 0 }, []);
  assertEquals(found(), ["c2", false]);
  journal.end("c2", { cause: "withdrawn", bytes: 0 }, []);
  assertEquals(found(), ["c1", true]);
});

Deno.test("files that are gone take no space any more", () => {
  using test = new TestJournal();
  test.journal.accept(newCommand("c1"));
  test.journal.end("c1", SUCCESS, []);
  test.journal.answered.filesRemoved(["c1", "nobody"]);
  assertEquals(test.restart().find("c1")!.end!.bytes, 0);
});

Deno.test("forgetting a command forgets its messages, and nobody else's", () => {
  using test = new TestJournal();
  for (const id of ["c1", "c2"]) {
    test.journal.accept(newCommand(id));
    test.journal.end(id, SUCCESS, [message(id)]);
  }
  test.journal.messages.post(message("status"));
  test.journal.answered.forget(["c1"]);
  assertEquals(texts(test.restart().messages.pending(0, { messages: 9, bytes: Infinity })), [
    "c2",
    "status",
  ]);
  assertEquals([test.journal.find("c1"), countOf(test, "commands")], [undefined, 1]);
});

function countOf(test: TestJournal, table: "commands" | "outbox"): number {
  using reader = test.reader();
  return reader.prepare(`SELECT count(*) AS n FROM ${table}`).get()!.n as number;
}
