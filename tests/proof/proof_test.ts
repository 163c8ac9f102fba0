import { assert, assertEquals, assertMatch } from "@std/assert";
import { proofText, sectionsByHand } from "./proof.ts";

const CHAOS = {
  seed: 7,
  cycles: 200,
  problems: [],
  tasks: 900,
  replies: 1000,
  followed: 300,
  refused: 4,
  kills: 40,
  brokerKills: 30,
  full: 20,
};
const POOL = {
  commands: 2_000,
  answered: 2_000,
  noRoom: 7,
  expired: 5,
  lost: 3,
  byNode: { b: 900, a: 1_100 },
  problems: [],
};
const BENCH = {
  machine: { date: "2025-01-02", cores: 2, cpu: "CPU", os: "linux", deno: "2.9.6" },
  results: [{ name: "idle memory", value: 80, unit: "MiB" as const }],
};

Deno.test("proof: the document says what was done, when, how it went, and how to repeat it", () => {
  const text = proofText({ version: "1.2.3", chaos: CHAOS, pool: POOL, bench: BENCH });
  assertMatch(text, /on 2025-01-02, for version 1\.2\.3/);
  assertMatch(text, /^900 commands .* 20 times the disk was full: 0 problems\. Repeat it with /m);
  assertMatch(text, /deno task chaos --seed 7 --cycles 200/);
  assertMatch(text, /shared 2000 commands at one mosquitto.*\(a 1100, b 900\): 0 problems/s);
  assertMatch(text, /^\| idle memory +\| +\| +80 MiB \|/m);
  assertEquals(text.includes("```"), false);
});

Deno.test("proof: a broken promise stands in the document", () => {
  const chaos = { ...CHAOS, problems: ["task7: it was started 2 times"] };
  const text = proofText({ version: "1.2.3", chaos, pool: POOL, bench: BENCH });
  assertMatch(text, /^```text\ntask7: it was started 2 times\n```$/m);
});

Deno.test("proof: what people have added stays in the next document", () => {
  const byHand = "## Where the time of a cold command goes\n\nInto bash.\n";
  const text = proofText({ version: "1.2.3", chaos: CHAOS, pool: POOL, bench: BENCH, byHand });
  assert(text.endsWith(`\n\n${byHand}`), text);
  assertEquals(sectionsByHand(text), byHand);
  assertEquals(
    sectionsByHand(proofText({ version: "1.2.3", chaos: CHAOS, pool: POOL, bench: BENCH })),
    "",
  );
});
