/**
 * The chaos test: `deno task chaos [--cycles N] [--seed N] [--minutes N]`. One run of 50 cycles, or
 * with `--minutes` run after run. Ends at the first broken promise; `--seed` repeats a run's plan.
 */
import { parseArgs } from "@std/cli/parse-args";
import { chaos } from "./chaos.ts";
import { describe } from "./report.ts";

const args = parseArgs(Deno.args, { string: ["seed", "cycles", "minutes"] });
const cycles = Number(args.cycles ?? 50);
const end = performance.now() + Number(args.minutes ?? 0) * 60_000;
do {
  const seed = Number(args.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const start = performance.now();
  console.log(`seed ${seed}, ${cycles} cycles ...`);
  const report = await chaos({ seed, cycles });
  console.log(`${describe(report)}, in ${((performance.now() - start) / 1000).toFixed(0)} s`);
  if (report.problems.length > 0) {
    console.error(report.problems.join("\n"));
    console.error(`Repeat it with: deno task chaos --seed ${seed} --cycles ${cycles}`);
    Deno.exit(1);
  }
} while (performance.now() < end);
