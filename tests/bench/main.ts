/**
 * Measures how fast the node is, beside what the machine takes for the least that must be done.
 * `--json` prints for machines. Whatever the numbers, it exits with 0: machines differ.
 */
import { EmulatedBackend } from "../../src/dev/backend.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { measureLatency } from "./latency.ts";
import { measureMemory } from "./memory.ts";
import { asJson, asTable, type Result } from "./report.ts";
import { measureStartup } from "./startup.ts";
import { measureThroughput } from "./throughput.ts";

await using broker = await Mosquitto.start();
await using backend = EmulatedBackend.start();
const platform = { broker, backend };
const results: Result[] = [
  ...await measureLatency(platform),
  ...await measureThroughput(platform),
  await measureStartup(platform),
  ...await measureMemory(platform),
];
console.log(Deno.args.includes("--json") ? asJson(results) : asTable(results));
