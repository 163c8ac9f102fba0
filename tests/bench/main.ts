/**
 * Measures the node from outside, beside floors taken in the same run. `--json` prints for
 * programs, `--long` sends 50,000 commands and has a journal of 1,000,000. The exit code is 0 whatever the figures: machines differ.
 */
import { parseArgs } from "@std/cli/parse-args";
import { bench, LONG, NORMAL } from "./bench.ts";
import { asJson, asTable } from "./report.ts";

const { json, long } = parseArgs(Deno.args, { boolean: ["json", "long"] });
const report = await bench(long ? LONG : NORMAL);
console.log(json ? asJson(report) : asTable(report));
