import { assertEquals } from "@std/assert";
import type { Task } from "./task.ts";
import { type Disturbance, problemsOf, readLedger, UNDISTURBED } from "./verdict.ts";

const TASK: Task = {
  id: "task1",
  kind: "inference",
  params: { id: "task1", act: "quick" },
  sent: "once",
  again: false,
  cancelled: false,
};
const ANONYMOUS: Task = { ...TASK, sent: "without request id" };
const LOADED: Task = { ...TASK, kind: "training" };
const OK = JSON.stringify({ status: "ok", output: "done task1\n" });
const CUT = JSON.stringify({ status: "ok", output: "" });
const KILLED = JSON.stringify({ status: "error", error: "Workload killed by signal 9 (SIGKILL)" });
const LOST = JSON.stringify({ status: "error", error: "Workload lost: the node ended" });
const BUSY = JSON.stringify({ status: "error", error: "Busy: 1 of 1 running, 0 queued" });
const WHOLE = "start 7\nend 0\n";
const BEGUN = "start 7\n";
const TWICE = "start 7\nend 0\nstart 8\nend 0\n";

const nodeEnded = { nodeEnded: true };
const killed = { killed: true };
const full = { diskFull: true };

const CASES: [string, Task, string, string[], Partial<Disturbance>, "right" | "wrong"][] = [
  ["it succeeded and was answered so", TASK, WHOLE, [OK], {}, "right"],
  ["the same answer came twice", TASK, WHOLE, [OK, OK], {}, "right"],
  ["it was not answered", TASK, WHOLE, [], {}, "wrong"],
  ["it never started", TASK, "", [OK], {}, "wrong"],
  ["it started twice", TASK, TWICE, [OK], killed, "wrong"],
  ["the answers contradict each other", TASK, WHOLE, [KILLED, OK], killed, "wrong"],
  ["it succeeded and was called killed", TASK, WHOLE, [KILLED], {}, "wrong"],
  ["it lost output for no reason", TASK, WHOLE, [CUT], {}, "wrong"],
  ["it was killed and answered so", TASK, BEGUN, [KILLED], killed, "right"],
  ["it was killed and called a success", TASK, BEGUN, [OK], killed, "wrong"],
  ["what wrote its output was killed", TASK, WHOLE, [CUT], killed, "right"],
  ["what was to start it was killed", TASK, "", [KILLED], { nearKill: true }, "right"],
  ["the disk had no space for it", TASK, "", [KILLED], full, "right"],
  ["a full disk made it a success", TASK, BEGUN, [OK], full, "wrong"],
  ["its answer went to a node that ended", LOADED, WHOLE, [LOST], nodeEnded, "right"],
  ["it was lost before it began", LOADED, "", [LOST], nodeEnded, "right"],
  ["it was lost for no reason", LOADED, WHOLE, [LOST], {}, "wrong"],
  ["it was run again after it was lost", LOADED, TWICE, [LOST], nodeEnded, "wrong"],
  ["it was refused for no reason", TASK, "", [BUSY], {}, "wrong"],
  ["it was refused and started", TASK, WHOLE, [BUSY], full, "wrong"],
  ["it was refused, then accepted", TASK, WHOLE, [BUSY, OK], {}, "right"],
  ["it found another token than its own", TASK, `${BEGUN}wrong token\nend 0\n`, [OK], {}, "wrong"],
  ["without a request id it started once", ANONYMOUS, WHOLE, [OK], {}, "right"],
  ["without a request id it started twice", ANONYMOUS, TWICE, [OK], {}, "wrong"],
  ["a broker that was killed repeated it", ANONYMOUS, TWICE, [OK], { brokerKills: 1 }, "right"],
];

for (const [name, task, ledger, replies, disturbance, verdict] of CASES) {
  Deno.test(`chaos: ${name}: ${verdict}`, () => {
    const problems = problemsOf(task, readLedger(ledger), replies, {
      ...UNDISTURBED,
      ...disturbance,
    });
    assertEquals(problems.length === 0 ? "right" : "wrong", verdict, problems.join("\n"));
  });
}
