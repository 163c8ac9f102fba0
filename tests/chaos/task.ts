/** What the chaos test asks of the node, and whether the answers are true. */
import type { Reply } from "../support/world.ts";
import type { Random } from "./random.ts";

/** A command that is sent until it is answered. */
export interface Task {
  readonly id: string;
  readonly kind: "inference" | "training";
  readonly params: Readonly<Record<string, string | number>> & { readonly act: Act };
  /** Whether it is sent twice in a row. */
  readonly twice: boolean;
  /** Whether it is sent once more after it was answered. */
  readonly again: boolean;
  /** What the platform adds when it follows the work. */
  readonly platform?: PlatformTask;
}

/** A task as the platform gives it. */
export interface PlatformTask {
  /** Whether it comes as `workload_received`. */
  readonly announced: boolean;
  /** The token for it alone, if it has one. */
  readonly token: string | undefined;
  /** How many result files it leaves when it succeeds. */
  readonly results: number;
}

/** How often the platform follows a task. */
const FOLLOWED = 0.4;

/** What a workload does; see workload.sh. */
export type Act = "quick" | "slow" | "fail" | "complain" | "die" | "massacre" | "noisy";

const ACTS: Readonly<Record<Act, number>> = {
  quick: 8,
  slow: 4,
  fail: 5,
  complain: 1,
  die: 3,
  massacre: 1,
  noisy: 2,
};

const FATAL_SIGNALS = { "1": 1, "2": 1, "9": 2, "11": 1, "15": 2 };

/** Thinks of a task. */
export function inventTask(number: number, random: Random): Task {
  const act = random.pick(ACTS);
  const seconds = act === "slow" ? random.between(0.2, 6) : random.between(0, 1);
  const id = `task${number}`;
  const platform = random.chance(FOLLOWED) ? inventPlatformTask(id, random) : undefined;
  return {
    id,
    kind: random.chance(0.7) ? "inference" : "training",
    params: {
      act,
      seconds: seconds.toFixed(2),
      signal: random.pick(FATAL_SIGNALS),
      results: platform?.results ?? 0,
      token: platform?.token === undefined ? "no" : "yes",
    },
    twice: random.chance(0.3),
    again: random.chance(0.15),
    platform,
  };
}

function inventPlatformTask(id: string, random: Random): PlatformTask {
  return {
    announced: random.chance(0.3),
    token: random.chance(0.6) ? `wt-${id}` : undefined,
    results: random.chance(0.5) ? Math.floor(random.between(1, 5)) : 0,
  };
}

/**
 * What is wrong with how a task went: it must have begun once, and every reply must tell the truth.
 * `ledger` is what the workload wrote about itself.
 */
export function problemsOf(task: Task, ledger: string, replies: readonly string[]): string[] {
  const entries = ledger.trimEnd().split("\n");
  const starts = entries.filter((entry) => entry === "start").length;
  const ends = entries.filter((entry) => entry.startsWith("end "));
  const problems: string[] = [];
  if (task.platform !== undefined && wasRefused(replies)) {
    if (ledger !== "") problems.push(`it was refused, and started ${starts} times`);
    if (new Set(replies).size > 1) problems.push("its replies contradict each other");
    return problems;
  }
  if (entries.includes("wrong token")) problems.push("it had another token than its own");
  if (starts !== 1) problems.push(`it was started ${starts} times`);
  if (ends.length !== 1) problems.push(`it ended ${ends.length} times`);
  if (replies.length === 0) problems.push("it was not answered");
  const expected = truth(task, ends[0]?.slice("end ".length));
  for (const payload of new Set(replies)) {
    const reply: Reply = JSON.parse(payload);
    const told = reply.status === "ok" ? reply.output! : reply.error!;
    if (reply.status !== expected.status || !expected.text.test(told)) {
      problems.push(`expected ${expected.status} ${expected.text}, got ${payload.slice(0, 300)}`);
    }
  }
  if (new Set(replies).size > 1) problems.push("its replies contradict each other");
  return problems;
}

/** Whether a task was refused, as nothing but what the platform follows may be. */
export function wasRefused([payload = "{}"]: readonly string[]): boolean {
  return /^Busy: |, and its token was not kept$/.test(JSON.parse(payload).error);
}

/** What the reply to a task has to say, by the word that its workload noted at its end. */
function truth({ id, params: { act } }: Task, end: string | undefined): Truth {
  switch (act) {
    case "quick":
    case "slow":
      return { status: "ok", text: new RegExp(`^done ${id}\n$`) };
    case "noisy":
      return { status: "ok", text: new RegExp(`^${id} line 0\n[^]*cut out[^]*\ndone ${id}\n$`) };
    case "complain":
      return { status: "error", text: new RegExp(`^complaint of ${id}\n$`) };
    case "massacre":
      return { status: "error", text: /^Workload killed by signal 9\b/ };
    case "fail":
    case "die":
      return { status: "error", text: new RegExp(`^Command failed with code ${end}$`) };
  }
}

interface Truth {
  readonly status: "ok" | "error";
  readonly text: RegExp;
}
