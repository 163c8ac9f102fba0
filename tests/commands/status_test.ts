import { assertEquals } from "@std/assert";
import { statusOutput } from "../../src/commands/status.ts";
import type { RunningWorkload } from "../../src/executors/process/running.ts";
import { newCommand } from "../support/journal.ts";

const NODE = { slug: "my-node", uuid: "u-1", profileSlug: "default" };

function runningOf(pid: number, startedAt: number, given = {}): RunningWorkload {
  return {
    command: newCommand("c1", given),
    process: { pid },
    startedAt,
  } as unknown as RunningWorkload;
}

Deno.test("the status of an idle node without templates", () => {
  assertEquals(JSON.parse(statusOutput({ ...NODE, running: [], queued: 0, now: 0 })), {
    slug: "my-node",
    instance_uuid: "u-1",
    profile_slug: "default",
    has_inference: false,
    has_training: false,
    has_simulate: false,
    is_busy: false,
    queued: 0,
    active_workloads: [],
  });
});

Deno.test("the status of a busy node tells what runs, since when and for whom", () => {
  const running = [
    runningOf(7, 1_000, { workloadUuid: "w-1" }),
    runningOf(8, 60_000, { kind: "training", requestId: undefined }),
  ];
  const source = { ...NODE, inference: "a", training: "", running, queued: 3, now: 13_345 };
  const status = JSON.parse(statusOutput(source));
  assertEquals([status.has_inference, status.has_training, status.has_simulate], [
    true,
    true,
    false,
  ]);
  assertEquals([status.is_busy, status.queued], [true, 3]);
  assertEquals(status.active_workloads, [
    {
      pid: 7,
      type: "inference",
      request_id: "request-c1",
      workload_uuid: "w-1",
      running_for_seconds: 12.3,
    },
    // The clock jumped backwards since this one was started.
    { pid: 8, type: "training", request_id: null, workload_uuid: null, running_for_seconds: 0 },
  ]);
});
