import { assertEquals } from "@std/assert";
import type { StopRequest } from "../../src/journal/record.ts";
import type { Exit } from "../../src/executors/executor.ts";
import {
  describeOutcome,
  notStarted,
  type Outcome,
  outcomeOf,
  unreadable,
} from "../../src/commands/outcome.ts";

const CANCELLED: StopRequest = { cause: "cancelled", signal: "SIGINT", at: 0 };
const TIMED_OUT: StopRequest = { cause: "timed_out", signal: "SIGKILL", at: 0 };

const exited = (code: number): Exit => ({ type: "exited", code });
const killed = (signal: string): Exit => ({ type: "killed", signal });

const fromStderr = (code: number): Outcome => ({
  status: "error",
  source: "stderr",
  fallback: `Command failed with code ${code}`,
  end: { cause: "exited", exitCode: code },
});
const fromNode = (error: string, end: Outcome["end"]): Outcome => ({
  status: "error",
  source: "node",
  error,
  end,
});

const OUTCOMES: [exit: Exit, stop: StopRequest | undefined, outcome: Outcome, told: string][] = [
  [
    exited(0),
    undefined,
    { status: "ok", end: { cause: "exited", exitCode: 0 } },
    "succeeded",
  ],
  [exited(1), undefined, fromStderr(1), "failed (code 1)"],
  [exited(143), undefined, fromStderr(143), "failed (code 143: killed by SIGTERM)"],
  [
    { type: "exited", code: 137, oomKill: true },
    undefined,
    {
      status: "error",
      source: "stderr",
      fallback: "Command failed with code 137",
      note: "The kernel killed a process for lack of memory while this ran",
      end: { cause: "exited", exitCode: 137, oomKill: true },
    },
    "failed (code 137: killed by SIGKILL; the kernel killed a process for lack of memory meanwhile)",
  ],
  [
    { type: "exited", code: 137, oomKill: true },
    TIMED_OUT,
    fromNode("Command timed out after 60 s", {
      cause: "timed_out",
      signal: "SIGKILL",
      exitCode: 137,
    }),
    "timed out (code 137)",
  ],
  [
    killed("SIGKILL"),
    undefined,
    fromNode("Workload killed by signal 9 (SIGKILL)", { cause: "killed", signal: "SIGKILL" }),
    "killed (SIGKILL)",
  ],
  [
    killed("SIGXYZ"),
    undefined,
    fromNode("Workload killed by signal SIGXYZ", { cause: "killed", signal: "SIGXYZ" }),
    "killed (SIGXYZ)",
  ],
  [
    { type: "answered", output: {} },
    CANCELLED,
    { status: "ok", end: { cause: "exited", exitCode: 0 }, output: {} },
    "succeeded",
  ],
  [
    { type: "failed", error: "out of memory", output: {} },
    undefined,
    { ...fromNode("out of memory", { cause: "exited" }), output: {} },
    "failed",
  ],
  [
    { type: "killed", signal: "SIGKILL", note: "its worker was restarted" },
    CANCELLED,
    fromNode("Command was cancelled by SIGINT, but its worker was restarted", {
      cause: "cancelled",
      signal: "SIGINT",
    }),
    "cancelled (SIGINT)",
  ],
  [
    { type: "lost", why: "the machine restarted" },
    undefined,
    fromNode("Workload lost: the machine restarted", { cause: "lost" }),
    "lost",
  ],
  [
    exited(143),
    CANCELLED,
    fromNode("Command was cancelled by SIGINT", {
      cause: "cancelled",
      signal: "SIGINT",
      exitCode: 143,
    }),
    "cancelled (code 143)",
  ],
  [
    { type: "not_started", why: "no shell" },
    CANCELLED,
    fromNode("Command was cancelled by SIGINT", { cause: "cancelled", signal: "SIGINT" }),
    "cancelled (SIGINT)",
  ],
  [
    killed("SIGKILL"),
    TIMED_OUT,
    fromNode("Command timed out after 60 s", { cause: "timed_out", signal: "SIGKILL" }),
    "timed out (SIGKILL)",
  ],
  [
    { type: "exited", code: 143, survivors: [] },
    CANCELLED,
    fromNode("Command was cancelled by SIGINT", {
      cause: "cancelled",
      signal: "SIGINT",
      exitCode: 143,
    }),
    "cancelled (code 143)",
  ],
  [
    { type: "killed", signal: "SIGKILL", survivors: [7, 8] },
    CANCELLED,
    fromNode(
      "Command was cancelled by SIGINT, but these processes of it could not be ended: 7, 8",
      { cause: "cancelled", signal: "SIGINT" },
    ),
    "cancelled (SIGINT)",
  ],
  [
    exited(137),
    CANCELLED,
    fromNode("Command was cancelled by SIGINT, and ended by SIGKILL", {
      cause: "cancelled",
      signal: "SIGINT",
      exitCode: 137,
    }),
    "cancelled (code 137)",
  ],
  [
    killed("SIGKILL"),
    CANCELLED,
    fromNode("Command was cancelled by SIGINT, and ended by SIGKILL", {
      cause: "cancelled",
      signal: "SIGINT",
    }),
    "cancelled (SIGINT)",
  ],
  [
    killed("SIGKILL"),
    { cause: "timed_out", signal: "SIGTERM", at: 0 },
    fromNode("Command timed out after 60 s", { cause: "timed_out", signal: "SIGTERM" }),
    "timed out (SIGTERM)",
  ],
  [
    { type: "lost", why: "the machine restarted" },
    TIMED_OUT,
    fromNode("Command timed out after 60 s", { cause: "timed_out", signal: "SIGKILL" }),
    "timed out (SIGKILL)",
  ],
];

/** An exit as it is named in a test: `exited, code 3`. */
function inWords({ type, ...details }: Exit): string {
  const words = Object.entries(details).map(([name, value]) =>
    `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`
  );
  return [type, ...words].join(", ");
}

for (const [exit, stop, outcome, told] of OUTCOMES) {
  const name = `${inWords(exit)}${stop ? `, ${stop.cause}` : ""}`;
  Deno.test(`outcome: ${name}: ${told}`, () => {
    assertEquals(outcomeOf(exit, stop, 60), outcome);
    assertEquals(describeOutcome(outcome), told);
  });
}

Deno.test("outcome: a workload that could not be started says why", () => {
  const outcome = outcomeOf({ type: "not_started", why: "no shell" }, undefined);
  const error = "Workload could not be started: no shell";
  assertEquals(outcome, fromNode(error, { cause: "not_started" }));
  assertEquals(notStarted("why"), fromNode("why", { cause: "not_started" }));
  assertEquals(describeOutcome(outcome), "not started");
});

Deno.test("outcome: a workload that left what cannot be read says how it ended, and why", () => {
  const unread = (exit: Exit) => unreadable(outcomeOf(exit, undefined), "EIO");
  assertEquals(
    unread(exited(0)),
    fromNode("The workload succeeded, but what it left cannot be read: EIO", {
      cause: "exited",
      exitCode: 0,
    }),
  );
  assertEquals(
    unread(exited(3)),
    fromNode("The workload failed (code 3), but what it left cannot be read: EIO", {
      cause: "exited",
      exitCode: 3,
    }),
  );
  const lost = { type: "lost", why: "the machine restarted" } as const;
  assertEquals(unread(lost), outcomeOf(lost, undefined), "nothing of it was to be read");
});
