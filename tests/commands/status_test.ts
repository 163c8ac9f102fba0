import { assertEquals } from "@std/assert";
import { statusOutput, type StatusSource } from "../../src/commands/status.ts";

const IDLE: StatusSource = {
  slug: "my-node",
  uuid: "u-1",
  profileSlug: "default",
  kinds: [],
  running: [],
  finalizing: [],
  executors: {},
  queued: 0,
  version: "1.2.3",
  startedAt: 0,
  isDraining: false,
  pool: undefined,
  lanes: {},
  now: 0,
};

Deno.test("the status of an idle node without templates", () => {
  assertEquals(JSON.parse(statusOutput(IDLE)), {
    slug: "my-node",
    instance_uuid: "u-1",
    profile_slug: "default",
    has_inference: false,
    has_training: false,
    has_simulate: false,
    is_busy: false,
    queued: 0,
    version: "1.2.3",
    started_at: "1970-01-01T00:00:00.000Z",
    is_draining: false,
    pool: null,
    has_room: null,
    lanes: {},
    executors: {},
    active_workloads: [],
    finalizing_workloads: [],
  });
});

Deno.test("the status of a busy node says what runs, since when and for whom", () => {
  const status = JSON.parse(statusOutput({
    ...IDLE,
    kinds: ["inference", "training"],
    running: [
      {
        id: "c1",
        kind: "inference",
        requestId: "r1",
        workloadUuid: "w-1",
        pid: 7,
        startedAt: 1_000,
      },
      // The clock jumped backwards since this one was started, and it has no process yet.
      {
        id: "c2",
        kind: "training",
        requestId: undefined,
        workloadUuid: undefined,
        pid: undefined,
        startedAt: 60_000,
      },
    ],
    queued: 3,
    now: 13_345,
  }));
  const { has_inference, has_training, has_simulate, is_busy, queued } = status;
  assertEquals([has_inference, has_training, has_simulate], [true, true, false]);
  assertEquals([is_busy, queued], [true, 3]);
  assertEquals(status.active_workloads, [
    {
      pid: 7,
      type: "inference",
      request_id: "r1",
      workload_uuid: "w-1",
      running_for_seconds: 12.3,
    },
    {
      pid: null,
      type: "training",
      request_id: null,
      workload_uuid: null,
      running_for_seconds: 0,
    },
  ]);
});

Deno.test("a node that sends results is busy, and names the workloads that the platform knows", () => {
  const status = JSON.parse(statusOutput({ ...IDLE, finalizing: ["w-1", undefined] }));
  assertEquals([status.is_busy, status.finalizing_workloads], [true, ["w-1"]]);
});

Deno.test("the status says what each kind's executor is doing, and why when that is not well", () => {
  const { executors } = JSON.parse(statusOutput({
    ...IDLE,
    executors: { inference: { state: "failed", reason: "out of memory" }, training: READY },
  }));
  assertEquals(executors, {
    inference: { state: "failed", reason: "out of memory" },
    training: { state: "ready", reason: null },
  });
});

const READY = { state: "ready" } as const;
