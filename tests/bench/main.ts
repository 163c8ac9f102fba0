/**
 * Measures how fast the node is, beside what the machine takes for the least that must be done.
 * `--json` prints for machines. Whatever the numbers, it exits with 0: machines differ.
 */
import { Mosquitto } from "../support/mosquitto.ts";
import { measureLatency } from "./latency.ts";
import { measureMemory } from "./memory.ts";
import { asJson, asTable, type Result } from "./report.ts";
import { measureStartup } from "./startup.ts";
import { measureThroughput } from "./throughput.ts";

await using broker = await Mosquitto.start();
const results: Result[] = [
  ...await measureLatency(broker),
  ...await measureThroughput(broker),
  await measureStartup(broker),
  ...await measureMemory(broker),
];
console.log(Deno.args.includes("--json") ? asJson(results) : asTable(results));
