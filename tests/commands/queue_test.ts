import { assertEquals } from "@std/assert";
import { Lanes } from "../../src/commands/queue.ts";
import { newCommand } from "../support/journal.ts";
import type { RunningWorkload } from "../../src/executors/process/running.ts";

const NUMBERS = { inference: 2, training: 1, simulate: 1 };

function runningOf(id: string, pid: number, requestId?: string): RunningWorkload {
  return { command: newCommand(id, { requestId }), process: { pid } } as unknown as RunningWorkload;
}

Deno.test("each kind has a lane of its own", () => {
  const lanes = new Lanes(NUMBERS, NUMBERS);
  lanes.of("inference").queue.push(newCommand("c1"));
  assertEquals(lanes.of("inference").mayStart, true);
  assertEquals(lanes.of("training").mayStart, false);
  assertEquals(lanes.all().map(({ concurrency }) => concurrency), [2, 1, 1]);
});

Deno.test("a lane has room for those that come now while nothing waits and more may run", () => {
  const lane = new Lanes(NUMBERS, NUMBERS).of("inference");
  assertEquals([lane.room, lane.mayStart], [2, false]);
  lane.running.set("c1", runningOf("c1", 1));
  assertEquals([lane.room, lane.mayStart], [1, false]);
  lane.queue.push(newCommand("c2"));
  assertEquals([lane.room, lane.mayStart], [0, true]);
  lane.running.set("c3", runningOf("c3", 3));
  assertEquals([lane.room, lane.mayStart], [0, false]);
});

Deno.test("when commands leave, as many of the first in the queue may start as there is room then", () => {
  const lane = new Lanes(NUMBERS, NUMBERS).of("inference");
  const after = (...ids: string[]) => lane.nextWithout(new Set(ids)).map(({ id }) => id);
  for (const id of ["c1", "c2"]) lane.running.set(id, runningOf(id, 1));
  for (const id of ["c3", "c4", "c5"]) lane.queue.push(newCommand(id));
  assertEquals(after(), []);
  assertEquals(after("c1"), ["c3"]);
  assertEquals(after("c1", "c2"), ["c3", "c4"]);
  assertEquals(after("c3"), [], "one that is cancelled while it waits makes no room");
  assertEquals(after("c2", "c3"), ["c4"]);
});

Deno.test("what runs is found by pid and by request id, what waits by request id alone", () => {
  const lanes = new Lanes(NUMBERS, NUMBERS);
  lanes.of("training").running.set("c1", runningOf("c1", 7, "r1"));
  lanes.of("inference").queue.push(newCommand("c2", { requestId: undefined }));
  lanes.of("inference").queue.push(newCommand("c3", { requestId: "r3" }));
  assertEquals(lanes.findRunning({ pid: 7 })?.command.id, "c1");
  assertEquals(lanes.findRunning({ requestId: "r1" })?.command.id, "c1");
  assertEquals(lanes.findRunning({ requestId: "r3" }), undefined);
  assertEquals(lanes.findQueued({ requestId: "r3" })?.id, "c3");
  assertEquals(lanes.findQueued({ requestId: "r1" }), undefined);
  assertEquals(lanes.findQueued({ pid: 7 }), undefined);
});

Deno.test("idle() resolves when the last command is removed", async () => {
  const lanes = new Lanes(NUMBERS, NUMBERS);
  const [first, second] = [newCommand("c1"), newCommand("c2", { kind: "training" })];
  lanes.of("inference").queue.push(first);
  lanes.of("training").running.set("c2", runningOf("c2", 7));
  let isIdle = false;
  const idle = lanes.idle().then(() => isIdle = true);
  lanes.remove(first);
  lanes.remove(newCommand("unknown"));
  await Promise.resolve();
  assertEquals(isIdle, false);
  lanes.remove(second);
  await idle;
  assertEquals(lanes.isIdle, true);
});
