import { assertEquals } from "@std/assert";
import { reasonToRefuse, type Situation } from "../../src/commands/admission.ts";
import { MIN_FREE_BYTES } from "../../src/state/private_folder.ts";

const IDLE: Situation = {
  running: 0,
  leaving: 0,
  concurrency: 1,
  isExcluded: false,
  isShortOfGpus: false,
  queued: 0,
  maxQueued: 2,
  mustStart: false,
  draining: false,
  isPooled: false,
  freeBytes: Number.MAX_SAFE_INTEGER,
};

const DRAINING = "The node is draining and takes no new commands";
const DISK_FULL = "The node's disk is full (31 MiB left): no new commands until there is space";

const TABLE: [name: string, situation: Partial<Situation>, refusal: string | undefined][] = [
  ["idle", {}, undefined],
  ["idle, nothing may wait", { maxQueued: 0 }, undefined],
  ["one runs", { running: 1 }, undefined],
  [
    "others have the GPUs, nothing may wait",
    { isShortOfGpus: true, maxQueued: 0 },
    "The queue is full: 0 of 1 running, 0 queued",
  ],
  ["others have the GPUs, it may wait", { isShortOfGpus: true }, undefined],
  [
    "others have the GPUs of what must start",
    { isShortOfGpus: true, mustStart: true },
    "Busy: other workloads have the GPUs that it needs",
  ],
  ["one runs, one waits", { running: 1, queued: 1 }, undefined],
  ["the queue is full", { running: 1, queued: 2 }, "The queue is full: 1 of 1 running, 2 queued"],
  [
    "one runs, nothing may wait",
    { running: 1, maxQueued: 0 },
    "The queue is full: 1 of 1 running, 0 queued",
  ],
  ["the queue is over-full", { queued: 9 }, "The queue is full: 0 of 1 running, 9 queued"],
  ["one of two runs, nothing may wait", { running: 1, concurrency: 2, maxQueued: 0 }, undefined],
  ["about to start, nothing may wait", { queued: 1, concurrency: 2, maxQueued: 0 }, undefined],
  ["must start, idle", { mustStart: true }, undefined],
  ["must start, room", { mustStart: true, running: 1, concurrency: 2 }, undefined],
  ["must start, busy", { mustStart: true, running: 1 }, "Busy: 1 of 1 running, 0 queued"],
  ["must start, others wait", { mustStart: true, queued: 1 }, "Busy: 0 of 1 running, 1 queued"],
  [
    "must start, what runs is being stopped",
    { mustStart: true, running: 1, leaving: 1 },
    undefined,
  ],
  [
    "must start, what runs is being stopped, another waits for that",
    { mustStart: true, running: 1, leaving: 1, queued: 1 },
    "Busy: 1 of 1 running, 1 queued",
  ],
  ["another kind has the GPU", { isExcluded: true }, undefined],
  ["another kind waits for the GPU", { isExcluded: true, running: 1, maxQueued: 1 }, undefined],
  [
    "must start, another kind has the GPU",
    { mustStart: true, isExcluded: true },
    "Busy: a workload of another kind runs or waits, and exclusive allows one kind",
  ],
  ["just enough disk space", { freeBytes: MIN_FREE_BYTES }, undefined],
  ["the disk is full", { freeBytes: MIN_FREE_BYTES - 1 }, DISK_FULL],
  ["draining", { draining: true }, DRAINING],
  ["sent to a pool, draining", { isPooled: true, draining: true }, undefined],
  ["sent to a pool, the queue is full", { isPooled: true, running: 1, queued: 9 }, undefined],
  ["sent to a pool, must start, busy", { isPooled: true, mustStart: true, running: 1 }, undefined],
  [
    "sent to a pool, the disk is full",
    { isPooled: true, freeBytes: MIN_FREE_BYTES - 1 },
    DISK_FULL,
  ],
  ["draining, for other reasons too", { draining: true, freeBytes: 0, queued: 9 }, DRAINING],
  ["a full disk before a full queue", { freeBytes: MIN_FREE_BYTES - 1, queued: 9 }, DISK_FULL],
];

for (const [name, situation, refusal] of TABLE) {
  Deno.test(`admission: ${name}: ${refusal ?? "accepted"}`, () => {
    const found = reasonToRefuse({ ...IDLE, ...situation });
    assertEquals(found?.why, refusal);
    // What programs are told follows from what people are.
    const code = refusal?.includes("draining")
      ? "draining"
      : refusal?.includes("disk")
      ? "disk_full"
      : "queue_full";
    assertEquals(found?.code, refusal && code);
  });
}
