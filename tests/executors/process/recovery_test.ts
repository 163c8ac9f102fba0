import { assertEquals } from "@std/assert";
import type { StopRequest } from "../../../src/journal/record.ts";
import { type Evidence, recover, type Recovery } from "../../../src/executors/process/recovery.ts";

const PROCESS = { pid: 4242, startTime: "100", bootId: "boot-1" };
const STOP: StopRequest = { cause: "cancelled", signal: "SIGTERM", at: 0 };

const ATTACH: Recovery = { action: "attach" };
const REQUEUE: Recovery = { action: "requeue" };
const LOST: Recovery = { action: "collect", exit: { type: "lost" } };
const KILLED: Recovery = { action: "collect", exit: { type: "killed", signal: "SIGKILL" } };
const NEVER_BEGAN: Recovery = { action: "collect", exit: { type: "never_began" } };
const exited = (code: number): Recovery => ({ action: "collect", exit: { type: "exited", code } });

const SAME = { bootId: "boot-1" };
const OTHER = { bootId: "boot-2" };
const UNKNOWN = { bootId: "" };

const TABLE: [name: string, evidence: Evidence, recovery: Recovery, whenStopping?: Recovery][] = [
  ["it runs and has begun", { ...SAME, startTime: "100", exitFile: "begun" }, ATTACH],
  ["it runs and is about to begin", { ...SAME, startTime: "100", exitFile: undefined }, ATTACH],
  ["it wrote its code and still leaves", { ...SAME, startTime: "100", exitFile: 3 }, exited(3)],
  ["it ended", { ...SAME, startTime: undefined, exitFile: 0 }, exited(0)],
  ["it ended and its pid is another's", { ...SAME, startTime: "200", exitFile: 7 }, exited(7)],
  ["it was killed", { ...SAME, startTime: undefined, exitFile: "begun" }, KILLED],
  ["it was killed, pid reused", { ...SAME, startTime: "200", exitFile: "begun" }, KILLED],
  [
    "it never began",
    { ...SAME, startTime: undefined, exitFile: undefined },
    REQUEUE,
    NEVER_BEGAN,
  ],
  [
    "it never began, pid reused",
    { ...SAME, startTime: "200", exitFile: undefined },
    REQUEUE,
    NEVER_BEGAN,
  ],
  ["nobody can look, begun", { ...SAME, startTime: "unknown", exitFile: "begun" }, ATTACH],
  ["nobody can look, no file", { ...SAME, startTime: "unknown", exitFile: undefined }, ATTACH],
  ["nobody can look, ended", { ...SAME, startTime: "unknown", exitFile: 1 }, exited(1)],
  ["rebooted while it ran", { ...OTHER, startTime: undefined, exitFile: "begun" }, LOST],
  ["rebooted, same pid and time", { ...OTHER, startTime: "100", exitFile: "begun" }, LOST],
  ["rebooted, nothing on disk", { ...OTHER, startTime: undefined, exitFile: undefined }, LOST],
  ["rebooted, nobody can look", { ...OTHER, startTime: "unknown", exitFile: "begun" }, LOST],
  ["rebooted after it ended", { ...OTHER, startTime: undefined, exitFile: 2 }, exited(2)],
  ["boot unknown, gone", { ...UNKNOWN, startTime: undefined, exitFile: "begun" }, ATTACH],
  ["boot unknown, other", { ...UNKNOWN, startTime: "200", exitFile: undefined }, ATTACH],
  ["boot unknown, ended", { ...UNKNOWN, startTime: undefined, exitFile: 0 }, exited(0)],
];

for (const [name, evidence, recovery, whenStopping = recovery] of TABLE) {
  Deno.test(`recovery: ${name}: ${recovery.action}`, () => {
    assertEquals(recover({ process: PROCESS, stop: undefined }, evidence), recovery);
    assertEquals(recover({ process: PROCESS, stop: STOP }, evidence), whenStopping);
  });
}
