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

For ${cycles} times the node was killed or stopped, the broker was killed, the link between them was
cut, a process of a workload, a worker or a server or its supervisor was killed, or the disk of the
journal was full, while commands came for processes, for workers and for a server: some twice,
without a request id, cancelled, with a time limit, or followed by the platform. Every command had to start at most once, to be answered, and to be answered with what
really became of it; no reply may contradict another, and nothing may be left.

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
