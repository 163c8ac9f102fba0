import { assert, assertEquals } from "@std/assert";
import { History } from "../../src/journal/history.ts";
import type { End } from "../../src/journal/record.ts";
import {
  fillJournal,
  newCommand,
  processHandle,
  SUCCESS,
  TestJournal,
} from "../support/journal.ts";
import { HttpNode } from "../support/http_node.ts";

const HANDLE = processHandle({ pid: 9, startTime: "s", bootId: "b" });

Deno.test("history: what ended, page by page, the latest first", () => {
  using test = new TestJournal();
  fillJournal(test.folder, 7, 1_000_000);
  using history = History.open(test.folder)!;
  const ids = (before?: string) => history.ended({ before }, 3).map(({ id }) => id);
  assertEquals(ids(), ["c7", "c6", "c5"]);
  assertEquals(ids("c5"), ["c4", "c3", "c2"]);
  assertEquals(ids("c2"), ["c1"]);
  assertEquals(ids("c1"), []);
  // As after it was removed.
  assertEquals(ids("nobody"), []);
});

Deno.test("history: by kind, by outcome, and by a part of an id", () => {
  using test = new TestJournal();
  const { journal } = test;
  const add = (id: string, end: End | undefined, kind: string) => {
    journal.accept(newCommand(id, { kind, workloadUuid: `w-${id}` }));
    journal.start(id, HANDLE);
    if (end !== undefined) journal.end(id, end, []);
  };
  add("good", SUCCESS, "inference");
  add("bad", { cause: "exited", exitCode: 3, bytes: 0 }, "training");
  add("slow", { cause: "timed_out", bytes: 0 }, "training");
  add("now", undefined, "training");
  journal.accept(newCommand("later"));
  journal.accept(newCommand("last"));
  using history = History.open(test.folder)!;
  const found = (filter: Parameters<History["ended"]>[0]) =>
    history.ended(filter, 10).map(({ id }) => id);
  assertEquals(found({}), ["slow", "bad", "good"]);
  assertEquals(found({ kind: "training" }), ["slow", "bad"]);
  assertEquals(found({ outcome: "succeeded" }), ["good"]);
  assertEquals(found({ outcome: "failed" }), ["bad"]);
  assertEquals(found({ outcome: "timed_out" }), ["slow"]);
  assertEquals(found({ text: "quest-ba" }), ["bad"]);
  assertEquals(found({ text: "GOO" }), ["good"]);
  assertEquals(found({ text: "w-slow" }), ["slow"]);
  assertEquals(found({ text: "%" }), []);
  assertEquals(found({ kind: "training", outcome: "succeeded" }), []);
  const unfinished = (state: "running" | "queued", limit: number) =>
    history.unfinished(state, limit).map(({ id }) => id);
  assertEquals(unfinished("running", 10), ["now"]);
  assertEquals(unfinished("queued", 10), ["later", "last"]);
  assertEquals(unfinished("queued", 1), ["later"]);
});

Deno.test("api: a page of the history says where the next one begins", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  fillJournal(node.world.stateFolder, 5, Date.now());
  const first = await node.json("/api/v1/workloads?state=ended&limit=3");
  assertEquals(first.workloads.map(({ id }: { id: string }) => id), ["c5", "c4", "c3"]);
  assertEquals([first.next, first.workloads[0].cause], ["c3", "exited"]);
  const path = `/api/v1/workloads?state=ended&limit=3&before=${first.next}`;
  const second = await node.json(path);
  assertEquals(second.workloads.map(({ id }: { id: string }) => id), ["c2", "c1"]);
  assertEquals(second.next, null);
  const whole = await node.json("/api/v1/workloads?state=ended&limit=5&q=r&kind=inference");
  assertEquals([whole.workloads.length, whole.next], [5, null]);
  assertEquals((await node.json("/api/v1/workloads?state=running")).workloads, []);
  assertEquals((await node.ask("/api/v1/workloads?state=ended&outcome=odd")).status, 400);
  assertEquals((await node.ask("/api/v1/workloads?state=odd")).status, 400);
});

Deno.test("api: the end of an output, without what came before", async () => {
  await using node = await HttpNode.start({ inference: "printf 0123456789" });
  await using sender = await node.world.sender(node.local.identity);
  await sender.ask({ command: "inference", request_id: "r1" });
  const tail = await node.ask("/api/v1/workloads/r1/logs?tail=4");
  const { headers } = tail;
  assertEquals([tail.body, headers.get("x-offset"), headers.get("x-next-offset")], [
    ...["6789", "6", "10"],
  ]);
  assertEquals((await node.ask("/api/v1/workloads/r1/logs?tail=99")).body, "0123456789");
  assertEquals((await node.ask("/api/v1/workloads/r1/logs?tail=x")).status, 400);
});

Deno.test("api: how busy the machine was, and how the connection came", async () => {
  await using node = await HttpNode.start({ inference: "true" });
  const resources = await node.json("/api/v1/resources");
  assertEquals([resources.step_seconds, resources.at.length, resources.cpu.length], [10, 1, 1]);
  assert(resources.memory_used_bytes[0] < resources.memory_total_bytes);
  const { changes } = await node.json("/api/v1/connections");
  assert(changes.at(-1).is_connected);
});
