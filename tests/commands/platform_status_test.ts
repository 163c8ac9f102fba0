import { assertEquals } from "@std/assert";
import { PlatformStatus, statusOf } from "../../src/commands/platform_status.ts";
import type { Message } from "../../src/journal/messages.ts";
import type { StopRequest } from "../../src/journal/record.ts";
import { WORKLOAD_KINDS, type WorkloadKind } from "../../src/protocol/kinds.ts";
import type { Exit } from "../../src/executors/executor.ts";
import { notStarted, outcomeOf } from "../../src/commands/outcome.ts";
import { newCommand } from "../support/journal.ts";

const STATUS = new PlatformStatus((uuid) => `workloads/${uuid}`);
const PID = 42;
const FOLLOWED = newCommand("c1", { workloadUuid: "w-1" });
const OTHER = newCommand("c2");

function read(messages: readonly Message[]): unknown[] {
  return messages.map(({ topic, payload }) => [
    topic,
    JSON.parse(new TextDecoder().decode(payload)),
  ]);
}

function told(
  exit: Exit,
  { stop, kind = "inference", stderr = "" }: {
    stop?: StopRequest;
    kind?: WorkloadKind;
    stderr?: string;
  } = {},
) {
  return statusOf({ kind }, outcomeOf(exit, stop, 5), 42, () => stderr);
}

const stop = (cause: StopRequest["cause"]): StopRequest => ({ cause, signal: "SIGTERM", at: 0 });

Deno.test("the platform is told of each step of a workload, on that workload's topic", () => {
  const success = outcomeOf({ type: "exited", code: 0 }, undefined);
  assertEquals(read(STATUS.started(FOLLOWED, PID)), [
    ["workloads/w-1", { status: "running", message: "Workload started", pid: 42 }],
  ]);
  assertEquals(read(STATUS.finalizing(FOLLOWED, 2)), [
    ["workloads/w-1", {
      status: "finalizing",
      message: "Uploading 2 result files",
      file_count: 2,
    }],
  ]);
  const end = [["workloads/w-1", { status: "completed", success: true, exit_code: 0 }]];
  assertEquals(read(STATUS.succeeded(FOLLOWED)), end);
  assertEquals(read(STATUS.ended(FOLLOWED, success, PID, () => "warnings")), end);
});

Deno.test("of a command that it does not follow the platform is told nothing", () => {
  const outcome = notStarted("no");
  assertEquals([
    ...STATUS.started(OTHER, PID),
    ...STATUS.finalizing(OTHER, 1),
    ...STATUS.succeeded(OTHER),
    ...STATUS.failed(OTHER, "no"),
    ...STATUS.busy(OTHER, "no", "u-1"),
    ...STATUS.ended(OTHER, outcome, PID, () => ""),
  ], []);
});

Deno.test("what did not start has failed, with the reason", () => {
  const why = "Busy: 1 of 1 running, 0 queued";
  const failed = { status: "failed", error: why, failure_detail: why };
  assertEquals(read(STATUS.failed(FOLLOWED, why)), [["workloads/w-1", failed]]);
  for (const kind of WORKLOAD_KINDS) {
    assertEquals(statusOf({ kind }, notStarted(why), null, () => ""), {
      status: "failed",
      error: why,
      failure_detail: why,
    });
  }
});

Deno.test("a busy node says so in the words after which the platform queues the work again", () => {
  const error = "Controller host is busy with other work: Busy: 1 of 1 running, 0 queued";
  assertEquals(read(STATUS.busy(FOLLOWED, "Busy: 1 of 1 running, 0 queued", "u-1")), [
    ["workloads/w-1", {
      status: "failed",
      error,
      failure_detail: error,
      rejection_reason: "host_busy",
      rejecting_instance_uuid: "u-1",
    }],
  ]);
});

Deno.test("a reason that a stranger made long is cut", () => {
  const [[, status]] = read(STATUS.failed(FOLLOWED, "😀".repeat(1 << 20))) as [[string, {
    error: string;
    failure_detail: string;
  }]];
  assertEquals([status.error.length, status.failure_detail.length], [2_000, 2_000]);
});

Deno.test("what ended by itself is completed, well or not", () => {
  const failure = { status: "completed", success: false } as const;
  assertEquals(told({ type: "exited", code: 0 }), {
    status: "completed",
    success: true,
    exit_code: 0,
  });
  assertEquals(told({ type: "exited", code: 3 }, { stderr: "Traceback" }), {
    ...failure,
    exit_code: 3,
    error: "Command failed with code 3",
    stderr: "Traceback",
  });
  assertEquals(told({ type: "exited", code: 3 }), {
    ...failure,
    exit_code: 3,
    error: "Command failed with code 3",
  });
  assertEquals(told({ type: "killed", signal: "SIGKILL" }), {
    ...failure,
    exit_code: null,
    error: "Workload killed by signal 9 (SIGKILL)",
  });
  assertEquals(told({ type: "lost", why: "the machine restarted" }), {
    ...failure,
    exit_code: null,
    error: "Workload lost: the machine restarted",
  });
  assertEquals(told({ type: "failed", error: "no such label" }), {
    ...failure,
    exit_code: 1,
    error: "no such label",
  });
  assertEquals(told({ type: "exited", code: 143 }, { stop: stop("timed_out") }), {
    ...failure,
    exit_code: 143,
    error: "Command timed out after 5 s",
  });
});

Deno.test("of standard error the last 2,000 characters are told, and no half ones", () => {
  const whole = { stderr: `${"a".repeat(5_000)}${"é".repeat(2_000)}` };
  const half = { stderr: `${"😀".repeat(1_000)}x` };
  assertEquals(
    [whole, half].map((given) => (told({ type: "exited", code: 1 }, given) as typeof given).stderr),
    ["é".repeat(2_000), `\ufffd${"😀".repeat(999)}x`],
  );
});

for (
  const [kind, status] of [
    ["inference", "cancelled"],
    ["simulate", "cancelled"],
    ["training", "failed"],
  ] as const
) {
  Deno.test(`a ${kind} that somebody stopped is ${status}, whatever it ended with`, () => {
    const expected = {
      status,
      message: "Command was cancelled by SIGTERM",
      signal: "SIGTERM",
      pid: 42,
    };
    const given = { stop: stop("cancelled"), kind, stderr: "bye" };
    assertEquals(told({ type: "exited", code: 0 }, given), expected);
    assertEquals(told({ type: "exited", code: 143 }, given), expected);
    // The one that was asked for, whatever it took in the end.
    const message = "Command was cancelled by SIGTERM, and ended by SIGKILL";
    assertEquals(told({ type: "killed", signal: "SIGKILL" }, given), { ...expected, message });
    const waiting = outcomeOf(
      { type: "not_started", why: "it was stopped before" },
      stop("cancelled"),
    );
    assertEquals(statusOf({ kind }, waiting, null, () => ""), { ...expected, pid: null });
  });
}

Deno.test("the platform hears no more of what it has given up", () => {
  for (const code of [0, 143]) {
    assertEquals(told({ type: "exited", code }, { stop: stop("withdrawn") }), undefined);
  }
});
