/**
 * Runs the long tests and writes how they went into .github/docs/PROOF.md: chaos for 200 cycles
 * (`--cycles N`), a pool of four nodes with 2,000 commands, and the bench with 50,000 commands. Takes about 20 minutes, and fails when a promise
 * was broken.
 */
import { parseArgs } from "@std/cli/parse-args";
import { fileURLToPath } from "node:url";
import denoJson from "../../deno.json" with { type: "json" };
import { bench, LONG } from "../bench/bench.ts";
import { chaos } from "../chaos/chaos.ts";
import { provePool } from "../fleet/pool_proof.ts";
import { proofText, sectionsByHand } from "./proof.ts";

const FILE = fileURLToPath(new URL("../../.github/docs/PROOF.md", import.meta.url));

const args = parseArgs(Deno.args, { string: ["cycles"] });
const seed = crypto.getRandomValues(new Uint32Array(1))[0];
const cycles = Number(args.cycles ?? 200);
const survived = await chaos({ seed, cycles });
const pool = await provePool(2_000);
const text = proofText({
  version: denoJson.version,
  byHand: sectionsByHand(await Deno.readTextFile(FILE)),
  chaos: { ...survived, seed, cycles },
  pool,
  bench: await bench(LONG),
});
await Deno.writeTextFile(FILE, text);
await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", FILE] }).output();
console.log(text);
if (survived.problems.length + pool.problems.length > 0) Deno.exit(1);
