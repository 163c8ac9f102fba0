/** The commands that the chaos test sends. */
import type { Random } from "./random.ts";

/** A command that is sent until it is answered. */
export interface Task {
  readonly id: string;
  readonly kind: "inference" | "training" | "simulate";
  readonly params: Readonly<Record<string, string | number>> & { readonly act: Act };
  /** How it is sent. One without a request id can be sent only once. */
  readonly sent: "once" | "twice" | "without request id";
  /** Whether it is sent over HTTP. Default: at the broker. */
  readonly overHttp?: boolean;
  /** Whether it is sent once more after it was answered, at the broker. */
  readonly again: boolean;
  /** Whether it is cancelled. */
  readonly cancelled: boolean;
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

/** Seconds after which a simulation is stopped. */
export const SIMULATE_TIMEOUT = 4;

/** What runs the commands of a kind. */
export const FORMS = { inference: "process", training: "worker", simulate: "server" } as const;

/** What a workload does; see workload.sh and model.py. */
export type Act = "quick" | "slow" | "fail" | "complain" | "die" | "massacre" | "noisy" | "wait";

const ACTS: Readonly<Record<Exclude<Act, "wait">, number>> = {
  quick: 8,
  slow: 4,
  fail: 5,
  complain: 1,
  die: 3,
  massacre: 1,
  noisy: 2,
};

/** What a server does: one that ended by itself would take commands with it that are not to blame. */
const SERVER_ACTS: typeof ACTS = { ...ACTS, die: 0, massacre: 0 };

const KINDS = { inference: 6, training: 3, simulate: 2 };

const TASKS = { plain: 10, followed: 8, "without request id": 3, cancelled: 1, overdue: 1 };

const FATAL_SIGNALS = { "1": 1, "2": 1, "9": 2, "11": 1, "15": 2 };

/** Thinks of a task. */
export function inventTask(number: number, random: Random): Task {
  const id = `task${number}`;
  const what = random.pick(TASKS);
  const kind = random.pick(KINDS);
  const common = { id, kind, sent: "once", again: false, cancelled: false } as const;
  switch (what) {
    case "plain":
    case "followed": {
      const platform = what === "followed" ? inventPlatformTask(id, random) : undefined;
      const sent = random.chance(0.3) ? "twice" : "once";
      const act = random.pick(kind === "simulate" ? SERVER_ACTS : ACTS);
      const params = inventParams(id, kind, act, random, platform);
      const overHttp = platform === undefined && random.chance(0.4);
      return { ...common, sent, overHttp, again: random.chance(0.15), platform, params };
    }
    case "without request id": {
      // Only what succeeds prints its id, by which its reply is known.
      const act = random.pick({ quick: 2, slow: 1 });
      return { ...common, sent: what, params: inventParams(id, kind, act, random) };
    }
    case "cancelled":
      return { ...common, cancelled: true, params: inventParams(id, kind, "wait", random) };
    case "overdue":
      return { ...common, kind: "simulate", params: inventParams(id, "simulate", "wait", random) };
  }
}

function inventParams(
  id: string,
  kind: Task["kind"],
  act: Act,
  random: Random,
  platform?: PlatformTask,
) {
  // What is not stopped for its time has to be done well before that.
  const longest = kind === "simulate" ? 0.5 : act === "slow" ? 6 : 1;
  const seconds = random.between(act === "slow" ? 0.2 : 0, longest);
  return {
    id,
    act,
    seconds: seconds.toFixed(2),
    signal: random.pick(FATAL_SIGNALS),
    results: platform?.results ?? 0,
    token: platform?.token === undefined ? "no" : "yes",
  };
}

function inventPlatformTask(id: string, random: Random): PlatformTask {
  return {
    announced: random.chance(0.3),
    token: random.chance(0.6) ? `wt-${id}` : undefined,
    results: random.chance(0.5) ? Math.floor(random.between(1, 5)) : 0,
  };
}
