import { assertEquals } from "@std/assert";
import { Lanes } from "../../src/commands/lanes.ts";
import { newCommand } from "../support/journal.ts";
import type { RunningWorkload } from "../../src/workload/running.ts";

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

Deno.test("a lane is free while nothing waits and another may run", () => {
  const lane = new Lanes(NUMBERS, NUMBERS).of("inference");
  assertEquals([lane.isFree, lane.mayStart], [true, false]);
  lane.running.set("c1", runningOf("c1", 1));
  assertEquals([lane.isFree, lane.mayStart], [true, false]);
  lane.queue.push(newCommand("c2"));
  assertEquals([lane.isFree, lane.mayStart], [false, true]);
  lane.running.set("c3", runningOf("c3", 3));
  assertEquals([lane.isFree, lane.mayStart], [false, false]);
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
