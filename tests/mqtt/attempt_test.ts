import { assertEquals, assertMatch } from "@std/assert";
import { type Attempt, FIRST_ATTEMPT, hintFor, nextAttempt } from "../../src/mqtt/attempt.ts";
import { CLOSED_WITHOUT_REASON, type Failure } from "../../src/mqtt/failure.ts";

const STEPS: {
  sentence: string;
  last?: Partial<Attempt>;
  kind: Failure["kind"];
  lasted?: number;
  next: Partial<Attempt>;
}[] = [
  {
    sentence: "an outage is retried with the same version after a wait that grows",
    last: { version: 4, failures: 3 },
    kind: "outage",
    next: { version: 4, failures: 4, wait: { min: 1_000, max: 30_000 } },
  },
  {
    sentence: "a connection that lasted starts the waits anew",
    last: { failures: 9 },
    kind: "outage",
    lasted: 2_000,
    next: { version: 5, failures: 1, wait: { min: 1_000, max: 30_000 } },
  },
  {
    sentence: "a connection that did not last counts as a failure",
    last: { failures: 9 },
    kind: "outage",
    lasted: 1_999,
    next: { failures: 10 },
  },
  {
    sentence: "what somebody must change is retried after the longest wait",
    kind: "trouble",
    lasted: 60_000,
    next: { failures: 1, wait: { min: 30_000, max: 30_000 } },
  },
  {
    sentence: "what this node could not store is sent again after a wait that grows",
    last: { failures: 1 },
    kind: "storage",
    lasted: 0,
    next: { failures: 2, wait: { min: 1_000, max: 30_000 } },
  },
  {
    sentence: "a broker that refuses MQTT 5 is asked for 3.1.1 at once",
    kind: "version",
    next: { version: 4, wait: { min: 0, max: 0 } },
  },
  {
    sentence: "a broker that refuses 3.1.1 too is asked for 5 after a wait",
    last: { version: 4 },
    kind: "version",
    next: { version: 5, wait: { min: 1_000, max: 30_000 } },
  },
  {
    sentence: "a broker that hangs up on MQTT 5 is asked for 3.1.1",
    kind: "silence",
    next: { version: 4, knows5: false },
  },
  {
    sentence: "a broker that hangs up on 3.1.1 too is asked for 5 again",
    last: { version: 4 },
    kind: "silence",
    next: { version: 5, knows5: false },
  },
  {
    sentence: "a broker that has spoken MQTT 5 and hangs up is in trouble, not old",
    last: { knows5: true },
    kind: "silence",
    next: { version: 5, knows5: true },
  },
  {
    sentence: "a broker that was connected with MQTT 5 knows it",
    kind: "outage",
    lasted: 0,
    next: { version: 5, knows5: true },
  },
  {
    sentence: "a broker that was connected with 3.1.1 is asked for 5 again",
    last: { version: 4 },
    kind: "outage",
    lasted: 60_000,
    next: { version: 5, knows5: false },
  },
];

for (const { sentence, last, kind, lasted, next } of STEPS) {
  Deno.test(sentence, () => {
    const actual = nextAttempt({ ...FIRST_ATTEMPT, ...last }, { kind, why: "" }, lasted);
    assertEquals({ ...actual, ...next }, actual);
  });
}

/** The hint after sessions of these lengths, in milliseconds, each ended as `failure` says. */
function hintAfter(sessions: (number | undefined)[], failure = CLOSED_WITHOUT_REASON) {
  const attempt = sessions.reduce<Attempt>(
    (last, lasted) => nextAttempt(last, failure, lasted),
    FIRST_ATTEMPT,
  );
  return hintFor(failure, attempt);
}

Deno.test("after three short sessions that the broker ended without a word, the hint says why", () => {
  assertEquals(hintAfter([100, 20_000]), undefined);
  assertMatch(hintAfter([100, 20_000, 3_000])!, /copy of this node's state folder/);
  assertMatch(hintAfter([100, undefined, 20_000, undefined, 3_000])!, /copy of this node's state/);
  assertEquals(hintAfter([100, 20_000, 60_000, 100]), undefined);
  const outage: Failure = { kind: "outage", why: "connection refused" };
  assertEquals(hintAfter([100, 100, 100], outage), undefined);
});
