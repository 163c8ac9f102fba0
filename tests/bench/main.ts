/**
 * Measures how fast the node is, beside what the machine takes for the least that must be done.
 * `--json` prints for machines. Whatever the numbers, it exits with 0: machines differ.
 */
import { Mosquitto } from "../support/mosquitto.ts";
import { measureLatency } from "./latency.ts";
import { measureMemory } from "./memory.ts";
import { measureParts } from "./parts.ts";
import { asJson, asTable, type Result } from "./report.ts";
import { measureStartup } from "./startup.ts";
import { measureThroughput } from "./throughput.ts";

await using broker = await Mosquitto.start();
const folder = await Deno.makeTempDir({ prefix: "cloud_node_bench_" });
const site = { broker, folder };
try {
  const results: Result[] = [
    ...await measureLatency(site),
    ...await measureParts(site),
    ...await measureThroughput(site),
    await measureStartup(site),
    ...await measureMemory(site),
  ];
  console.log(Deno.args.includes("--json") ? asJson(results) : asTable(results));
} finally {
  await Deno.remove(folder, { recursive: true });
}
