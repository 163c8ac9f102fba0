import { assertEquals } from "@std/assert";
import { reasonToRefuse, type Situation } from "../../src/commands/admission.ts";
import { MIN_FREE_BYTES } from "../../src/state/private_folder.ts";

const IDLE: Situation = {
  running: 0,
  concurrency: 1,
  isExcluded: false,
  queued: 0,
  maxQueued: 2,
  tracked: false,
  draining: false,
  freeBytes: Number.MAX_SAFE_INTEGER,
};

const DRAINING = "The node is draining and takes no new commands";
const DISK_FULL = "The node's disk is full (31 MiB left): no new commands until there is space";

const TABLE: [name: string, situation: Partial<Situation>, refusal: string | undefined][] = [
  ["idle", {}, undefined],
  ["idle, nothing may wait", { maxQueued: 0 }, undefined],
  ["one runs", { running: 1 }, undefined],
  ["one runs, one waits", { running: 1, queued: 1 }, undefined],
  ["the queue is full", { running: 1, queued: 2 }, "The queue is full: 2 commands wait already"],
  [
    "one runs, nothing may wait",
    { running: 1, maxQueued: 0 },
    "The queue is full: 0 commands wait already",
  ],
  ["the queue is over-full", { queued: 9 }, "The queue is full: 9 commands wait already"],
  ["one of two runs, nothing may wait", { running: 1, concurrency: 2, maxQueued: 0 }, undefined],
  ["about to start, nothing may wait", { queued: 1, concurrency: 2, maxQueued: 0 }, undefined],
  ["tracked, idle", { tracked: true }, undefined],
  ["tracked, room", { tracked: true, running: 1, concurrency: 2 }, undefined],
  ["tracked, busy", { tracked: true, running: 1 }, "Busy: 1 of 1 running, 0 queued"],
  ["tracked, others wait", { tracked: true, queued: 1 }, "Busy: 0 of 1 running, 1 queued"],
  ["another kind has the GPU", { isExcluded: true }, undefined],
  ["another kind waits for the GPU", { isExcluded: true, running: 1, maxQueued: 1 }, undefined],
  [
    "tracked, another kind has the GPU",
    { tracked: true, isExcluded: true },
    "Busy: a workload of another kind runs or waits, and exclusive allows one kind",
  ],
  ["just enough disk space", { freeBytes: MIN_FREE_BYTES }, undefined],
  ["the disk is full", { freeBytes: MIN_FREE_BYTES - 1 }, DISK_FULL],
  ["draining", { draining: true }, DRAINING],
  ["draining, for other reasons too", { draining: true, freeBytes: 0, queued: 9 }, DRAINING],
  ["a full disk before a full queue", { freeBytes: MIN_FREE_BYTES - 1, queued: 9 }, DISK_FULL],
];

for (const [name, situation, refusal] of TABLE) {
  Deno.test(`admission: ${name}: ${refusal ?? "accepted"}`, () => {
    assertEquals(reasonToRefuse({ ...IDLE, ...situation }), refusal);
  });
}
