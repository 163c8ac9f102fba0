/** The document that says how the long tests went, and when. */
import { asTable, type Report } from "../bench/report.ts";
import { describePool, type PoolReport } from "../fleet/pool_proof.ts";
import { type ChaosReport, describe } from "../chaos/report.ts";

/** What was proven. */
export interface Proof {
  /** The version of the program. */
  readonly version: string;
  readonly chaos: ChaosReport & { readonly seed: number; readonly cycles: number };
  readonly pool: PoolReport;
  readonly bench: Report;
  /** What follows. Default: nothing. */
  readonly byHand?: string;
}

/** The first heading of what people add to the document, to its end. */
const BY_HAND = "## Where the time of a cold command goes";

/** What people have added to the document, which the next one keeps. */
export function sectionsByHand(text: string): string {
  const at = text.indexOf(BY_HAND);
  return at === -1 ? "" : text.slice(at);
}

/** The document, in Markdown. */
export function proofText({ version, chaos, pool, bench, byHand = "" }: Proof): string {
  const { seed, cycles, problems } = chaos;
  return `# Proof

Written by \`deno task proof\` on ${bench.machine.date}, for version ${version}. Part of the documentation of
[Cyberwave Cloud Node](../../README.md).

## Chaos

In each of ${cycles} cycles the test killed or stopped the node, killed the broker, cut the link between
them, killed a process of a workload, worker or server, killed a supervisor, or filled the disk of
the journal. Meanwhile it sent commands for processes, for workers and for a server. Some were sent
twice, had no request id, were cancelled, had a time limit, or were followed by the platform. Every
command must start at most once and be answered with its true outcome. No reply may contradict
another, and no process may be left behind.

${describe(chaos)}. Repeat it with \`deno task chaos --seed ${seed} --cycles ${cycles}\`.
${problems.length === 0 ? "" : `\n${problemList(problems)}\n`}
## Pool

${describePool(pool)}
## Bench

${asTable(bench)}
${byHand === "" ? "" : `\n${byHand}`}`;
}

function problemList(problems: readonly string[]): string {
  return ["```text", ...problems.slice(0, 50), "```"].join("\n");
}
