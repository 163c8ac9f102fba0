/** Whether what the platform was told of the workloads that it follows is in order, and true. */
import { createHash } from "node:crypto";
import type { EmulatedWorkload } from "../../src/dev/rest_front_end.ts";
import { type Task, wasRefused } from "./task.ts";

/** The statuses of a workload, one after the other. */
const IN_ORDER = /^(running )*(finalizing )?(completed|failed) $/;

/** What is wrong with the statuses of a workload, which was answered with `replies`. */
export function followedProblems(
  { statuses, results }: EmulatedWorkload,
  replies: readonly string[],
): string[] {
  // A broker and a node that are killed may repeat themselves.
  const told = new Map(statuses.map((status) => [JSON.stringify(status), status]));
  const order = [...told.values()].map(({ status }) => `${status} `).join("");
  if (!IN_ORDER.test(order)) return [`the platform was told: ${[...told.keys()].join(", ")}`];
  const { status, success } = [...told.values()].at(-1)!;
  const reply = JSON.parse(replies[0] ?? "{}");
  const problems: string[] = [];
  if (wasRefused(replies) !== (status === "failed")) {
    problems.push(`it is ${status} and was answered ${replies[0]}`);
  } else if (status === "completed" && success !== (reply.status === "ok")) {
    problems.push(`success is ${success}, and the reply ${replies[0]}`);
  }
  const announced = [...told.values()].find(({ status }) => status === "finalizing")?.file_count;
  if ((announced ?? 0) !== results.length) {
    problems.push(`${announced} files were announced, and ${results.length} came`);
  }
  return problems;
}

/**
 * What is wrong with the results of all workloads: every file of those that succeeded came once, be
 * it with another that ended at the same time.
 */
export function resultProblems(
  succeeded: readonly Task[],
  workloads: readonly EmulatedWorkload[],
): string[] {
  const missing = new Map(
    succeeded.flatMap(({ id, platform }) =>
      Array.from({ length: platform!.results }, (_, index) => {
        const text = `result ${index} of ${id}`;
        return [createHash("sha256").update(`${text}\n`).digest("hex"), text];
      })
    ),
  );
  const problems: string[] = [];
  for (const { uuid, results } of workloads) {
    for (const { sha256 } of results) {
      if (!missing.delete(sha256)) problems.push(`workload ${uuid} has a file twice or too many`);
    }
  }
  return [...problems, ...missing.values().map((text) => `nowhere: ${text}`)];
}
