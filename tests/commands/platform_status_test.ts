import { assertEquals } from "@std/assert";
import { statusOf, Tracking } from "../../src/commands/platform_status.ts";
import type { Message } from "../../src/journal/messages.ts";
import type { StopRequest } from "../../src/journal/record.ts";
import { WORKLOAD_KINDS, type WorkloadKind } from "../../src/protocol/kinds.ts";
import type { Exit } from "../../src/workloads/folder.ts";
import { notStarted, outcomeOf } from "../../src/commands/outcome.ts";
import { newCommand } from "../support/journal.ts";

const TRACKING = new Tracking((uuid) => `workloads/${uuid}`);
const PROCESS = { pid: 42, startTime: "1", bootId: "b" };
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
  assertEquals(read(TRACKING.started(FOLLOWED, PROCESS)), [
    ["workloads/w-1", { status: "running", message: "Workload started", pid: 42 }],
  ]);
  assertEquals(read(TRACKING.finalizing(FOLLOWED, 2)), [
    ["workloads/w-1", {
      status: "finalizing",
      message: "Uploading 2 result files",
      file_count: 2,
    }],
  ]);
  const end = [["workloads/w-1", { status: "completed", success: true, exit_code: 0 }]];
  assertEquals(read(TRACKING.succeeded(FOLLOWED)), end);
  assertEquals(read(TRACKING.ended(FOLLOWED, success, PROCESS, () => "warnings")), end);
});

Deno.test("of a command that it does not follow the platform is told nothing", () => {
  const outcome = notStarted("no");
  assertEquals([
    ...TRACKING.started(OTHER, PROCESS),
    ...TRACKING.finalizing(OTHER, 1),
    ...TRACKING.succeeded(OTHER),
    ...TRACKING.refused(OTHER, "no"),
    ...TRACKING.ended(OTHER, outcome, PROCESS, () => ""),
  ], []);
});

Deno.test("what did not start has failed, with the reason", () => {
  const why = "Busy: 1 of 1 running, 0 queued";
  const failed = { status: "failed", error: why, failure_detail: why };
  assertEquals(read(TRACKING.refused(FOLLOWED, why)), [["workloads/w-1", failed]]);
  for (const kind of WORKLOAD_KINDS) {
    assertEquals(statusOf({ kind }, notStarted(why), null, () => ""), {
      status: "failed",
      error: why,
      failure_detail: why,
    });
  }
});

Deno.test("a reason that a stranger made long is cut", () => {
  const [[, status]] = read(TRACKING.refused(FOLLOWED, "😀".repeat(1 << 20))) as [[string, {
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
  assertEquals(told({ type: "lost" }), {
    ...failure,
    exit_code: null,
    error: "Workload lost: the machine restarted",
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
    assertEquals(told({ type: "killed", signal: "SIGKILL" }, given), {
      ...expected,
      signal: "SIGKILL",
    });
    const waiting = outcomeOf({ type: "never_began" }, stop("cancelled"));
    assertEquals(statusOf({ kind }, waiting, null, () => ""), { ...expected, pid: null });
  });
}

Deno.test("the platform hears no more of what it has given up", () => {
  for (const code of [0, 143]) {
    assertEquals(told({ type: "exited", code }, { stop: stop("withdrawn") }), undefined);
  }
});
