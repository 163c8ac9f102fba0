import { assert, assertEquals, assertMatch } from "@std/assert";
import type { CommandInfo } from "../../src/commands/command.ts";
import { EventFeed } from "../../src/http/event_feed.ts";
import { createLogger } from "../../src/log.ts";
import { NodeEvents } from "../../src/node/events.ts";
import { FakeClock } from "../support/clock.ts";
import { inTime } from "../support/events.ts";
import { HttpNode } from "../support/http_node.ts";

const COMMAND: CommandInfo = {
  ...{ id: "01jdr", kind: "inference", requestId: "r1", workloadUuid: undefined },
};

/** A message as an EventSource takes it, which dispatches nothing that has no data. */
interface SseMessage {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
  readonly comment?: string;
  readonly retry?: string;
}

/** Reads a stream of events. */
class SseReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next message; `undefined`: there is none any more. */
  async next(): Promise<SseMessage | undefined> {
    while (!this.#text.includes("\n\n")) {
      const { value, done } = await inTime(this.#reader.read(), "an event");
      if (done) return undefined;
      this.#text += new TextDecoder().decode(value);
    }
    const [message, ...rest] = this.#text.split("\n\n");
    this.#text = rest.join("\n\n");
    return Object.fromEntries(
      message!.split("\n").map((line) => {
        const [, field, value] = /^([^:]*): ?(.*)$/.exec(line)!;
        return [field || "comment", value];
      }),
    );
  }

  async cancel() {
    await this.#reader.cancel();
  }
}

function createFeed() {
  const events = new NodeEvents(createLogger("test"));
  const clock = new FakeClock();
  const feed = new EventFeed({ events, clock });
  const open = (lastId?: string) => new SseReader(feed.open(lastId)!);
  const accept = () => events.emit("accepted", { command: COMMAND });
  return { events, clock, feed, open, accept, [Symbol.dispose]: () => feed[Symbol.dispose]() };
}

Deno.test("events: what happens is sent as it is shown elsewhere, with an id", async () => {
  using test = createFeed();
  const { events } = test;
  const reader = test.open();
  const { id, data, ...first } = (await reader.next())!;
  assertEquals([data, first], [undefined, { retry: "2000" }]);
  assertMatch(id!, /^[0-9a-f]{12}-0$/);
  const of = { id: "01jdr", kind: "inference", request_id: "r1", workload_uuid: null };
  const at = "2025-01-01T00:00:00.000Z";
  const cases: [name: string, emit: () => void, expected: Record<string, unknown>][] = [
    ["ready", () => events.emit("ready", { uuid: "u", slug: "s" }), { uuid: "u", slug: "s" }],
    [
      "connection",
      () => events.emit("connection", { isConnected: false }),
      { is_connected: false },
    ],
    ["draining", () => events.emit("draining", {}), {}],
    [
      "executor",
      () => events.emit("executor", { kind: "training", state: "ready" }),
      { kind: "training", state: "ready", reason: null },
    ],
    ["heartbeat", () => events.emit("heartbeat", { at: 1 }), {}],
    ["accepted", test.accept, of],
    [
      "started",
      () => events.emit("started", { command: COMMAND, pid: undefined, queuedSeconds: 0.5 }),
      { ...of, pid: null, queued_seconds: 0.5 },
    ],
    [
      "progress",
      () => events.emit("progress", { command: COMMAND, progress: { progress: 0.5 } }),
      { ...of, progress: { progress: 0.5 } },
    ],
    [
      "ended",
      () =>
        events.emit("ended", {
          command: COMMAND,
          outcome: { status: "ok", end: { cause: "exited", exitCode: 0 } },
          seconds: 2,
        }),
      {
        ...of,
        ...{
          status: "ok",
          cause: "exited",
          exit_code: 0,
          signal: null,
          oom_kill: null,
          resources: null,
        },
        seconds: 2,
      },
    ],
    ["replied", () => events.emit("replied", { command: COMMAND }), of],
  ];
  for (const [name, emit, expected] of cases) {
    emit();
    const { event, data } = (await reader.next())!;
    assertEquals([event, JSON.parse(data!)], [name, { at, ...expected }]);
  }
});

Deno.test("events: who comes back gets what was missed, or is told that something was", async () => {
  using test = createFeed();
  const reader = test.open();
  await reader.next();
  for (let count = 0; count < 3; count++) test.accept();
  const { id } = (await reader.next())!;
  await reader.cancel();
  test.accept();
  const again = test.open(id);
  assertEquals((await again.next())!.id, id);
  const missed = [await again.next(), await again.next(), await again.next()];
  assertEquals(missed.map((message) => message!.id!.split("-")[1]), ["2", "3", "4"]);
  // Nothing was missed by somebody who has seen the last one.
  const current = test.open(missed[2]!.id);
  await current.next();
  test.accept();
  assertEquals((await current.next())!.id!.split("-")[1], "5");
  for (const unknown of ["0123456789ab-2", `${id!.split("-")[0]}-99`, "nonsense", ""]) {
    const reset = test.open(unknown);
    assertMatch((await reset.next())!.id!, /-5$/);
    assertEquals(await reset.next(), { event: "reset", data: "{}" }, unknown);
  }
});

Deno.test("events: of many, the latest are kept", async () => {
  using test = createFeed();
  const reader = test.open();
  const { id } = (await reader.next())!;
  for (let count = 0; count < 1_001; count++) test.accept();
  const reset = test.open(id);
  await reset.next();
  assertEquals((await reset.next())!.event, "reset");
  const since = test.open(`${id!.split("-")[0]}-1`);
  await since.next();
  assertEquals((await since.next())!.id!.split("-")[1], "2");
});

Deno.test("events: a reader who does not read is dropped, and the others are not", async () => {
  using test = createFeed();
  const [slow, other] = [test.open(), test.open()];
  await other.next();
  // A message of a job may be as long as it likes.
  const progress = { message: "x".repeat(100_000) };
  for (let count = 0; count < 12; count++) {
    test.events.emit("progress", { command: COMMAND, progress });
    assertEquals((await other.next())!.event, "progress");
  }
  const dropped = await slow.next().then(() => slow.next()).catch(({ message }) => message);
  assertEquals(dropped, "The reader is too slow");
});

Deno.test("events: nobody listens to the node for longer than a minute after the last reader", async () => {
  using test = createFeed();
  assert(!test.events.isHeard("replied"));
  const reader = test.open();
  const { id } = (await reader.next())!;
  assert(test.events.isHeard("replied"));
  await reader.cancel();
  await test.clock.advance(59_000);
  assert(test.events.isHeard("replied"));
  await test.clock.advance(1_000);
  assert(!test.events.isHeard("replied"));
  // What has happened since is not known.
  test.accept();
  const late = test.open(id);
  await late.next();
  assertEquals((await late.next())!.event, "reset");
});

Deno.test("events: a connection on which nothing happens is written to", async () => {
  using test = createFeed();
  const reader = test.open();
  await reader.next();
  for (let count = 0; count < 2; count++) {
    await test.clock.advance(15_000);
    assertEquals(await reader.next(), { comment: "" });
  }
});

Deno.test("events: there are only so many readers, and a node that stops ends all streams", async () => {
  using test = createFeed();
  const readers = Array.from({ length: 32 }, () => test.open());
  assertEquals(test.feed.open(undefined), undefined);
  await readers[0]!.cancel();
  const [last, one] = [test.open(), readers[1]!];
  test.feed[Symbol.dispose]();
  for (const reader of [last, one]) {
    await reader.next();
    assertEquals(await reader.next(), undefined);
  }
});

Deno.test("events: of a command over HTTP, until the node stops or the client leaves", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  const headers = { authorization: `Bearer ${node.token}` };
  const open = () => fetch(`${node.url}/api/v1/events`, { headers });
  const [staying, leaving] = [await open(), await open()];
  assertEquals(staying.headers.get("content-type"), "text/event-stream");
  const [reader, left] = [new SseReader(staying.body!), new SseReader(leaving.body!)];
  assertEquals([(await reader.next())!.retry, (await left.next())!.retry], ["2000", "2000"]);
  await left.cancel();
  await using sender = await node.world.sender(node.local.identity);
  await sender.ask({ command: "inference", request_id: "r1" });
  const seen: string[] = [];
  while (!seen.includes("replied")) {
    const { event, data } = (await reader.next())!;
    seen.push(event!);
    if (event === "ended") assertEquals(JSON.parse(data!).request_id, "r1");
  }
  assertEquals(seen.filter((name) => name !== "heartbeat"), [
    "accepted",
    "started",
    "ended",
    "replied",
  ]);
  await node.local.node.stop();
  let last: SseMessage | undefined;
  do last = await reader.next().catch(() => undefined); while (last !== undefined);
});

Deno.test("events: clients that leave make room for others", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  const headers = { authorization: `Bearer ${node.token}` };
  const open = () => fetch(`${node.url}/api/v1/events`, { headers });
  const all = await Promise.all(Array.from({ length: 32 }, open));
  const refused = await open();
  assertEquals([refused.status, (await refused.json()).code], [503, "not_now"]);
  for (const { body } of all) await body!.cancel();
  // The server sees that in its own time.
  let status: number;
  do {
    const { body, status: found } = await open();
    await body!.cancel();
    status = found;
  } while (status !== 200);
  assertEquals((await node.ask("/api/v1/events", { method: "HEAD" })).status, 405);
});
