/** Whether what the platform was told of the workloads that it follows is in order, and true. */
import { createHash } from "node:crypto";
import type { EmulatedWorkload } from "../../src/dev/rest_front_end.ts";
import type { Task } from "./task.ts";
import { type Disturbance, wasRefused } from "./verdict.ts";

/** The statuses of a workload, one after the other. */
const IN_ORDER = /^(running )*(finalizing )?(completed|failed) $/;

/** What is wrong with the statuses of a workload, which was answered with `replies`. */
export function followedProblems(
  { statuses, results }: EmulatedWorkload,
  replies: readonly string[],
  { nearKill, diskFull }: Disturbance,
): string[] {
  // A broker and a node that are killed may repeat themselves.
  const reported = new Map(statuses.map((status) => [JSON.stringify(status), status]));
  const order = [...reported.values()].map(({ status }) => `${status} `).join("");
  if (!IN_ORDER.test(order)) return [`the platform was told: ${[...reported.keys()].join(", ")}`];
  const { status, success } = [...reported.values()].at(-1)!;
  const reply = JSON.parse(replies[0] ?? "{}");
  const problems: string[] = [];
  // What could not be started has failed, as what was refused.
  const mayFail = wasRefused(replies) || nearKill || diskFull;
  if (status === "failed" ? !mayFail || reply.status === "ok" : wasRefused(replies)) {
    problems.push(`it is ${status} and was answered ${replies[0]}`);
  } else if (status === "completed" && success !== (reply.status === "ok")) {
    problems.push(`success is ${success}, and the reply ${replies[0]}`);
  }
  const { file_count: announced } =
    [...reported.values()].find(({ status }) => status === "finalizing") ?? {};
  if ((announced ?? 0) !== results.length) {
    problems.push(`${announced} files were announced, and ${results.length} came`);
  }
  return problems;
}

/**
 * What is wrong with the results of all workloads: every file of those that succeeded undisturbed
 * came, and none came twice. It may come with another workload that ended at the same time.
 */
export function resultProblems(
  succeeded: readonly Task[],
  undisturbed: ReadonlySet<Task>,
  workloads: readonly EmulatedWorkload[],
): string[] {
  const expected = new Map(
    succeeded.flatMap((task) =>
      Array.from({ length: task.platform!.results }, (_, index) => {
        const text = `result ${index} of ${task.id}`;
        return [createHash("sha256").update(`${text}\n`).digest("hex"), { text, task }];
      })
    ),
  );
  const problems: string[] = [];
  for (const { uuid, results } of workloads) {
    for (const { sha256 } of results) {
      if (!expected.delete(sha256)) problems.push(`workload ${uuid} has a file twice or too many`);
    }
  }
  const missing = expected.values().filter(({ task }) => undisturbed.has(task));
  return [...problems, ...missing.map(({ text }) => `nowhere: ${text}`)];
}
