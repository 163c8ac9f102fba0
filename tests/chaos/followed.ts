/** Whether what the platform was told of the workloads that it follows is in order, and true. */
import { createHash } from "node:crypto";
import type { EmulatedWorkload } from "../../src/dev/rest_front_end.ts";
import type { Task } from "./task.ts";
import { type Disturbance, isRefusal, wasRefused } from "./verdict.ts";

/** The statuses of a workload, one after the other. */
const IN_ORDER = /^(running )*(finalizing )?(completed|failed) $/;

/** What is wrong with the statuses and results of a workload, which was answered with `replies`. */
export function followedProblems(
  task: Task,
  workload: EmulatedWorkload,
  replies: readonly string[],
  { killed, nearKill, diskFull }: Disturbance,
): string[] {
  const { statuses, results } = workload;
  // A broker and a node that are killed may repeat themselves. What was refused may come again.
  const lasting = statuses.filter((status, index) =>
    status.rejection_reason === undefined || index === statuses.length - 1
  );
  const reported = new Map(lasting.map((status) => [JSON.stringify(status), status]));
  const order = [...reported.values()].map(({ status }) => `${status} `).join("");
  if (!IN_ORDER.test(order)) return [`the platform was told: ${[...reported.keys()].join(", ")}`];
  const { status, success } = [...reported.values()].at(-1)!;
  const answer = replies.find((payload) => !isRefusal(payload)) ?? replies[0];
  const reply = JSON.parse(answer ?? "{}");
  const problems: string[] = [];
  // What could not be started has failed, as what was refused.
  const mayFail = wasRefused(replies) || nearKill || diskFull;
  if (status === "failed" ? !mayFail || reply.status === "ok" : wasRefused(replies)) {
    problems.push(`it is ${status} and was answered ${answer}`);
  } else if (status === "completed" && success !== (reply.status === "ok")) {
    problems.push(`success is ${success}, and the reply ${answer}`);
  }
  const { file_count: announced } =
    [...reported.values()].find(({ status }) => status === "finalizing") ?? {};
  if ((announced ?? 0) !== results.length) {
    problems.push(`${announced} files were announced, and ${results.length} came`);
  }
  // What was killed, or had no space, may have left half a file.
  if (success === true && !killed && !diskFull) problems.push(...resultProblems(task, workload));
  return problems;
}

/** What is wrong with the result files of a workload that succeeded: its own have to come, once each. */
function resultProblems({ id, platform }: Task, { results }: EmulatedWorkload): string[] {
  const own = Array.from({ length: platform!.results }, (_, index) => {
    const content = `result ${index} of ${id}\n`;
    return createHash("sha256").update(content).digest("hex");
  });
  const sent = results.map(({ sha256 }) => sha256);
  const missing = own.filter((hash) => !sent.includes(hash)).length;
  if (missing === 0 && sent.length === own.length) return [];
  return [`of its ${own.length} result files ${missing} are missing, and ${sent.length} came`];
}
