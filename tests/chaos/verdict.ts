/** Whether the answers to a task are true. Pure. */
import type { Reply } from "../support/world.ts";
import { FORMS, SIMULATE_TIMEOUT, type Task } from "./task.ts";

/** What chaos did to a task, beside ending nodes and brokers, which must change nothing. */
export interface Disturbance {
  /** A process of its own was killed. */
  readonly killed: boolean;
  /** A process of no task that is known was killed between its first message and its reply. */
  readonly nearKill: boolean;
  /** What runs it stays loaded, and a node ended between its first message and its reply. */
  readonly nodeEnded: boolean;
  /** The node's disk was full between its first message and its reply. */
  readonly diskFull: boolean;
  /** How many brokers were killed since it was sent: each may forget or repeat what has no request id. */
  readonly brokerKills: number;
}

/** No disturbance. */
export const UNDISTURBED: Disturbance = {
  killed: false,
  nearKill: false,
  nodeEnded: false,
  diskFull: false,
  brokerKills: 0,
};

/** What the ledger of a task says. */
export interface Ledger {
  /** The sessions in which it was started. */
  readonly sessions: readonly number[];
  /** The words with which it noted its ends. */
  readonly ends: readonly string[];
  /** Whatever else its workload found wrong. */
  readonly complaints: readonly string[];
}

/** Reads what a workload noted about itself. */
export function readLedger(text: string): Ledger {
  const entries = text.split("\n").filter((entry) => entry !== "");
  const after = (word: string) =>
    entries.filter((entry) => entry.startsWith(word)).map((entry) => entry.slice(word.length));
  return {
    sessions: after("start ").map(Number),
    ends: after("end "),
    complaints: entries.filter((entry) => !/^(start|end) /.test(entry)),
  };
}

const REFUSED = /^Busy: |^The queue is full: |disk is full|, and its token was not kept$/;

/** Whether a reply says that the command was not accepted. Such a refusal is not remembered. */
export function isRefusal(payload: string): boolean {
  return REFUSED.test(JSON.parse(payload).error ?? "");
}

/** Whether a task was refused, as only what the platform follows may be while the disk has space. */
export function wasRefused(replies: readonly string[]): boolean {
  return replies.length > 0 && replies.every(isRefusal);
}

/**
 * What is wrong with how a task went: it has to start at most once, and exactly once unless somebody
 * killed what was to start it; it has to be answered; and every reply has to be true.
 */
export function problemsOf(
  task: Task,
  ledger: Ledger,
  replies: readonly string[],
  disturbance: Disturbance,
): string[] {
  const problems = [...ledger.complaints];
  const starts = ledger.sessions.length;
  const mayBeRefused = task.platform !== undefined || disturbance.diskFull;
  const answers = new Set(replies.filter((payload) => !isRefusal(payload)));
  if (wasRefused(replies)) {
    if (!mayBeRefused) problems.push(`it was refused: ${replies[0]}`);
    if (starts > 0) problems.push(`it was refused, and started ${starts} times`);
    return problems;
  }
  if (answers.size > 1) problems.push(`its replies contradict each other: ${[...answers]}`);
  problems.push(...countProblems(task, ledger, answers.size > 0, disturbance));
  for (const payload of answers) {
    const reply: Reply = JSON.parse(payload);
    if (!isTrue(task, ledger, reply, disturbance)) {
      problems.push(`it ended with ${ledger.ends[0]}, and was answered ${payload.slice(0, 300)}`);
    }
  }
  return problems;
}

function countProblems(
  task: Task,
  { sessions, ends }: Ledger,
  answered: boolean,
  disturbance: Disturbance,
): string[] {
  const { brokerKills } = disturbance;
  const starts = sessions.length;
  if (task.sent === "without request id") {
    const problems: string[] = [];
    // A broker that was killed may have forgotten the message, or that it was acknowledged.
    if (starts > 1 + brokerKills) problems.push(`it was started ${starts} times`);
    if (starts === 0 && brokerKills === 0 && !mayNotStart(task, disturbance)) {
      problems.push("it was never started");
    }
    const isCalm = brokerKills === 0 && !disturbance.killed && !disturbance.nearKill &&
      !disturbance.diskFull && !disturbance.nodeEnded;
    if (!answered && isCalm) problems.push("it was not answered");
    return problems;
  }
  const problems: string[] = [];
  if (starts > 1 || (starts === 0 && !mayNotStart(task, disturbance))) {
    problems.push(`it was started ${starts} times`);
  }
  if (ends.length > 1) problems.push(`it ended ${ends.length} times`);
  if (!answered) problems.push("it was not answered");
  return problems;
}

/** Whether a task may end without a start. */
function mayNotStart({ cancelled }: Task, disturbance: Disturbance): boolean {
  const { nearKill, diskFull, nodeEnded } = disturbance;
  return cancelled || nearKill || diskFull || nodeEnded;
}

function isTrue(
  task: Task,
  { sessions, ends }: Ledger,
  reply: Reply,
  { killed, nearKill, diskFull, nodeEnded }: Disturbance,
): boolean {
  const text = reply.status === "ok" ? reply.output! : reply.error!;
  const expected = truth(task, ends[0]);
  if (reply.status === expected.status && expected.text.test(text)) {
    // What never noted its end has no success.
    return expected.status === "error" || ends.includes("0");
  }
  // Its answer went to that node, or the node was just handing it over.
  if (nodeEnded && reply.status === "error" && /^Workload lost: /.test(text)) return true;
  if (!killed && !diskFull && !(nearKill && sessions.length === 0)) return false;
  // What was killed, or had no space for its output, may lose output, but never turns into a success.
  return reply.status === "error" || ends.includes("0");
}

/** What the reply to a task has to say, by the word that its workload noted at its end. */
function truth(task: Task, end: string | undefined): Truth {
  const { id, kind, cancelled, params: { act } } = task;
  const isLoaded = FORMS[kind] !== "process";
  switch (act) {
    case "quick":
    case "slow":
      return { status: "ok", text: new RegExp(`^done ${id}\n$`) };
    case "noisy":
      return { status: "ok", text: new RegExp(`^${id} line 0\n[^]*cut out[^]*\ndone ${id}\n$`) };
    case "complain":
      return { status: "error", text: new RegExp(`${isLoaded ? "" : "^"}complaint of ${id}\n?$`) };
    case "massacre":
      return {
        status: "error",
        text: /^(Workload (killed by signal 9|lost)\b|The worker was (killed|ended by signal 9)\b)/,
      };
    case "fail":
      if (isLoaded) return { status: "error", text: new RegExp(`\\bcode ${end} of ${id}$`) };
      return { status: "error", text: new RegExp(`^Command failed with code ${end}$`) };
    case "die":
      if (isLoaded) return { status: "error", text: endOfWorker(Number(end)) };
      return { status: "error", text: new RegExp(`^Command failed with code ${end}$`) };
    case "wait":
      return {
        status: "error",
        text: cancelled
          ? /^Command was cancelled/
          : new RegExp(`^Command timed out after ${SIMULATE_TIMEOUT} s`),
      };
  }
}

/** How the worker ended that noted this: its supervisor may have been killed with it. */
function endOfWorker(end: number): RegExp {
  return new RegExp(`^The worker was killed by signal ${end - 128}\\b`);
}

interface Truth {
  readonly status: "ok" | "error";
  readonly text: RegExp;
}
