import { assertEquals } from "@std/assert";
import type { Command } from "../../src/commands/command.ts";
import { CommandQueue, type QueueLimits } from "../../src/commands/queue.ts";
import { GpuPool } from "../../src/gpu/gpu_pool.ts";
import { newCommand } from "../support/journal.ts";
import { ScriptedExecutor, YieldingExecutor } from "../support/scripted.ts";

const LIMITS = {
  concurrency: { inference: 2, training: 1, simulate: 1 },
  maxQueued: { inference: 9, training: 0, simulate: 0 },
  exclusive: [],
};

function queueOf(executor = new ScriptedExecutor(), limits: QueueLimits = LIMITS): CommandQueue {
  return new CommandQueue(limits, () => executor);
}

/** The ids of the commands whose turn it is now. */
function turns(queue: CommandQueue): string[] {
  const ids = [];
  for (let turn = queue.next(); turn !== undefined; turn = queue.next()) ids.push(turn.command.id);
  return ids;
}

const [c1, c2, c3, c4]: Command[] = ["c1", "c2", "c3", "c4"].map((id) => newCommand(id));
const training: Command = newCommand("t1", { kind: "training" });

Deno.test("commands have their turn in the order in which they came, as many as may run", () => {
  const queue = queueOf();
  for (const command of [c1, c2, c3]) queue.add(command);
  assertEquals(turns(queue), ["c1", "c2"]);
  assertEquals(queue.lane("inference"), {
    running: 2,
    leaving: 0,
    concurrency: 2,
    isExcluded: false,
    isShortOfGpus: false,
    queued: 1,
    maxQueued: 9,
  });
  queue.left(c1);
  assertEquals([turns(queue), queue.waiting()], [["c3"], []]);
});

Deno.test("what is being stopped counts as leaving, until it has left", () => {
  const queue = queueOf();
  for (const command of [c1, c2, c3]) queue.add(command);
  turns(queue);
  for (const command of [c1, c1, c3]) queue.expectEnd(command);
  assertEquals([queue.lane("inference").running, queue.lane("inference").leaving], [2, 1]);
  queue.left(c1);
  assertEquals([queue.lane("inference").running, queue.lane("inference").leaving], [1, 0]);
});

Deno.test("no kind waits behind another", () => {
  const queue = queueOf();
  for (const command of [c1, c2, c3, training]) queue.add(command);
  assertEquals(turns(queue), ["c1", "c2", "t1"]);
});

const ONE_GPU: QueueLimits = { ...LIMITS, exclusive: ["training", "inference"] };

Deno.test("exclusive kinds never run at the same time, and have their turns as they came", () => {
  const queue = queueOf(undefined, ONE_GPU);
  const [i1, i2, t3, i4, t5] = ["1", "2", "3", "4", "5"].map((id) =>
    newCommand(id, { kind: id === "3" || id === "5" ? "training" : "inference" })
  );
  const simulate = newCommand("6", { kind: "simulate" });
  for (const command of [i1, i2, t3, i4, t5, simulate]) queue.add(command);
  assertEquals(turns(queue), ["1", "2", "6"], "other kinds run beside");
  queue.left(i1);
  assertEquals(turns(queue), [], "training waits, so no more inference starts");
  queue.left(i2);
  assertEquals(turns(queue), ["3"]);
  queue.left(t3);
  assertEquals(turns(queue), ["4"]);
  queue.left(i4);
  assertEquals(turns(queue), ["5"]);
});

Deno.test("a lane knows whether what comes has to wait for an exclusive kind", () => {
  const queue = queueOf(undefined, ONE_GPU);
  const isExcluded = () => [queue.lane("inference").isExcluded, queue.lane("training").isExcluded];
  assertEquals(isExcluded(), [false, false]);
  queue.add(c1);
  assertEquals(isExcluded(), [false, true]);
  turns(queue);
  assertEquals(isExcluded(), [false, true]);
  queue.add(training);
  assertEquals([isExcluded(), turns(queue)], [[true, true], []]);
  queue.left(c1);
  assertEquals([turns(queue), isExcluded()], [["t1"], [true, false]]);
});

Deno.test("what an earlier node left running of exclusive kinds ends before anything starts", () => {
  const queue = queueOf(undefined, ONE_GPU);
  queue.resume(c1);
  queue.resume(training);
  queue.add(c2);
  assertEquals(turns(queue), []);
  queue.left(training);
  assertEquals(turns(queue), ["c2"]);
});

Deno.test("a command for which its executor has no place keeps its turn", () => {
  const executor = new ScriptedExecutor();
  const queue = queueOf(executor);
  executor.room = 0;
  queue.add(c1);
  assertEquals([turns(queue), queue.isWaiting(c1)], [[], true]);
  executor.room = 1;
  assertEquals([turns(queue), queue.isWaiting(c1)], [["c1"], false]);
});

Deno.test("a command that could not use its turn has the next one", () => {
  const queue = queueOf();
  for (const command of [c1, c2, c3]) queue.add(command);
  turns(queue);
  queue.putBack(c2);
  assertEquals(turns(queue), ["c2"]);
});

Deno.test("a command that could not be stored leaves the queue, whether it had its turn or not", () => {
  const queue = queueOf();
  queue.add(c1);
  assertEquals([turns(queue), queue.isInHand(c1)], [["c1"], true]);
  queue.left(c1);
  assertEquals([queue.isInHand(c1), queue.isEmpty], [false, true]);
  queue.add(c2);
  queue.left(c2);
  assertEquals([queue.lane("inference").queued, turns(queue)], [0, []]);
});

Deno.test("what an earlier node started may be more than may run, and then nothing starts", () => {
  const queue = queueOf();
  for (const command of [c1, c2, c3]) queue.resume(command);
  queue.add(c4);
  assertEquals([turns(queue), queue.lane("inference").running], [[], 3]);
  queue.left(c1);
  assertEquals(turns(queue), []);
  queue.left(c2);
  assertEquals(turns(queue), ["c4"]);
});

Deno.test("only what waits is taken out of the queue", () => {
  const queue = queueOf();
  for (const command of [c1, c2, c3]) queue.add(command);
  turns(queue);
  assertEquals([queue.take(c1), queue.take(c3), queue.take(c3)], [false, true, false]);
  assertEquals(queue.lane("inference").running, 3, "it is in hand until it is answered");
});

Deno.test("whenEmpty() resolves when the last command has left, also when more came meanwhile", async () => {
  const queue = queueOf();
  await queue.whenEmpty();
  queue.add(c1);
  let isEmpty = false;
  const empty = queue.whenEmpty().then(() => isEmpty = true);
  queue.add(training);
  queue.left(c1);
  queue.left(newCommand("unknown"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(isEmpty, false);
  queue.left(training);
  await empty;
  assertEquals(queue.isEmpty, true);
});

/** A queue in which inference makes room for training. */
function yieldingQueue(limits: QueueLimits = LIMITS) {
  const [inference, training] = [new YieldingExecutor(), new ScriptedExecutor()];
  const queue = new CommandQueue(limits, (kind) => kind === "inference" ? inference : training);
  const starting = () => {
    queue.updateYielding();
    return turns(queue);
  };
  return { queue, inference, starting };
}

Deno.test("what makes room for a training is asked while one waits or runs, and it waits for that", () => {
  const { queue, inference, starting } = yieldingQueue();
  assertEquals([starting(), inference.asked], [[], [false]]);
  queue.add(c1);
  assertEquals(starting(), ["c1"]);
  for (const command of [training, c2]) queue.add(command);
  assertEquals([starting(), inference.asked], [[], [false, true]]);
  queue.left(c1);
  assertEquals(starting(), [], "nothing in hand is not yet nothing loaded");
  inference.unloaded();
  assertEquals(starting(), ["t1"]);
  assertEquals([starting(), inference.asked.at(-1)], [[], true]);
  queue.left(training);
  assertEquals([starting(), inference.asked], [["c2"], [false, true, false]]);
});

Deno.test("a training that is taken out of the queue needs no room any more", () => {
  const { queue, inference, starting } = yieldingQueue();
  for (const command of [training, c1]) queue.add(command);
  assertEquals(starting(), []);
  queue.left(training);
  assertEquals([starting(), inference.asked], [["c1"], [true, false]]);
});

Deno.test("a training of an earlier node that still runs needs room", () => {
  const { queue, inference, starting } = yieldingQueue();
  queue.resume(training);
  queue.add(c1);
  assertEquals([starting(), inference.asked], [[], [true]]);
});

Deno.test("exclusive kinds of which one makes room for the other have their turns as they came", () => {
  const { queue, inference, starting } = yieldingQueue(ONE_GPU);
  const [i1, t2, i3, t4, i5] = ["1", "2", "3", "4", "5"].map((id) =>
    newCommand(id, { kind: id === "2" || id === "4" ? "training" : "inference" })
  );
  for (const command of [i1, t2, i3, t4, i5]) queue.add(command);
  for (const [left, next] of [[i1, t2], [i3, t4]] as const) {
    assertEquals(starting(), [left.id], "the training waits, so that it needs no room yet");
    queue.left(left);
    assertEquals([starting(), inference.asked.at(-1)], [[], true]);
    inference.unloaded();
    assertEquals(starting(), [next.id]);
    queue.left(next);
  }
  assertEquals(starting(), ["5"]);
});

const ON_GPUS: QueueLimits = {
  ...LIMITS,
  concurrency: { inference: 9, training: 9, simulate: 9 },
};

/** A queue that gives two GPUs away: two to a training, one to an inference, none to a simulation. */
function queueOnGpus(executor = new ScriptedExecutor()): { queue: CommandQueue; gpus: GpuPool } {
  const needed = { inference: 1, training: 2, simulate: 0 };
  const gpus = new GpuPool({ names: ["0", "1"], needed });
  gpus.open();
  return { queue: new CommandQueue(ON_GPUS, () => executor, gpus), gpus };
}

/** What has its turn now, with its GPUs. */
function turnsOn(queue: CommandQueue): string[] {
  const turns = [];
  for (let turn = queue.next(); turn !== undefined; turn = queue.next()) {
    turns.push(`${turn.command.id} on ${turn.gpus}`);
  }
  return turns;
}

const [i1, i2, t3, i4, i5, s6] = ["i1", "i2", "t3", "i4", "i5", "s6"].map((name) =>
  newCommand(name[1], { kind: { i: "inference", t: "training", s: "simulate" }[name[0]] })
);

Deno.test("commands wait for GPUs of their own, oldest first, and none that needs more starves", () => {
  const { queue } = queueOnGpus();
  for (const command of [i1, i2, t3, i4, i5, s6]) queue.add(command);
  assertEquals(turnsOn(queue), ["1 on 0", "2 on 1", "6 on "]);
  queue.left(i1);
  assertEquals(turnsOn(queue), [], "what is free is kept for the training, which came before");
  queue.left(i2);
  assertEquals(turnsOn(queue), ["3 on 0,1"]);
  queue.left(t3);
  assertEquals(turnsOn(queue), ["4 on 0", "5 on 1"]);
});

Deno.test("a command that waits for GPUs and is cancelled keeps nobody waiting", () => {
  const { queue } = queueOnGpus();
  for (const command of [i1, t3, i4]) queue.add(command);
  assertEquals(turnsOn(queue), ["1 on 0"]);
  assertEquals(queue.take(t3), true);
  queue.left(t3);
  assertEquals(turnsOn(queue), ["4 on 1"]);
});

Deno.test("a command that could not start gives its GPUs back, and so does one without a place", () => {
  const executor = new ScriptedExecutor();
  const { queue, gpus } = queueOnGpus(executor);
  queue.add(t3);
  assertEquals(turnsOn(queue), ["3 on 0,1"]);
  queue.putBack(t3);
  assertEquals(gpus.available, 2);
  executor.room = 0;
  assertEquals([turnsOn(queue), gpus.available], [[], 2]);
});

Deno.test("a command that needs more GPUs than there are is answered, and blocks nobody", () => {
  const gpus = new GpuPool({ names: ["0"], needed: { inference: 1, training: 2 } });
  gpus.open();
  const queue = new CommandQueue(ON_GPUS, () => new ScriptedExecutor(), gpus);
  for (const command of [t3, i4]) queue.add(command);
  const { place } = queue.next()!;
  assertEquals(place, { problem: "It needs 2 GPUs, and this node has 1" });
  assertEquals(turnsOn(queue), ["4 on 0"]);
});

Deno.test("a lane knows whether what comes finds GPUs, after what came before it", () => {
  const { queue } = queueOnGpus();
  const isShort = () =>
    ["inference", "training", "simulate"].map((kind) => queue.lane(kind).isShortOfGpus);
  assertEquals(isShort(), [false, false, false]);
  queue.add(i1);
  assertEquals(isShort(), [false, true, false], "what waits counts");
  turnsOn(queue);
  queue.add(i2);
  turnsOn(queue);
  assertEquals(isShort(), [true, true, false]);
  queue.expectEnd(i2);
  assertEquals(isShort(), [false, true, false], "what is being stopped gives its own back");
});
