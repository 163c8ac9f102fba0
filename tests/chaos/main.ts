/**
 * The chaos test for as long as you like: `deno task chaos [--seed N] [--cycles N] [--minutes N]`.
 * Ends at the first broken promise; with `--seed` after one round, which repeats a failed one.
 */
import { parseArgs } from "@std/cli/parse-args";
import { chaos } from "./chaos.ts";

const args = parseArgs(Deno.args, { string: ["seed", "cycles", "minutes"] });
const cycles = Number(args.cycles ?? 50);
const ends = args.minutes === undefined
  ? Infinity
  : performance.now() + Number(args.minutes) * 60_000;
do {
  const seed = Number(args.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const start = performance.now();
  console.log(`seed ${seed}, ${cycles} cycles ...`);
  const { problems, tasks, replies, followed, refused } = await chaos({ seed, cycles });
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(
    `${tasks} commands, ${followed} of them followed by the platform (${refused} refused), ` +
      `${replies} replies, ${problems.length} problems in ${seconds} s`,
  );
  if (problems.length > 0) {
    console.error(problems.join("\n"));
    console.error(`Repeat it with: deno task chaos --seed ${seed} --cycles ${cycles}`);
    Deno.exit(1);
  }
} while (args.seed === undefined && performance.now() < ends);
