/** Takes all measures, from outside: of a spawned program, a real broker, and /proc. */
import { Mosquitto } from "../support/mosquitto.ts";
import { atOnce, queued } from "./bursts.ts";
import { latency } from "./latency.ts";
import type { Failure, Measure, Result, Site, Sizes } from "./measure.ts";
import { growth, memory } from "./memory.ts";
import { message } from "./message.ts";
import { commandLine, startToReady } from "./processes.ts";
import { lockPackages } from "./program.ts";
import { describeMachine, type Report } from "./report.ts";
import { retention } from "./retention.ts";
import { scrape } from "./scrape.ts";
import { warm, warmAtOnce, warmModel, warmRestart } from "./warm.ts";

/** What `deno task bench` measures. */
export const NORMAL: Sizes = {
  latencies: 300,
  loadSeconds: 1,
  processes: 15,
  bursts: 7,
  atOnce: 200,
  queued: 1_000,
  outputBytes: 100_000_000,
  idleMs: 5_000,
  commands: 20_000,
  settled: 5_000,
  records: 100_000,
};

/** What `deno task bench --long` measures. */
export const LONG: Sizes = { ...NORMAL, commands: 50_000, records: 1_000_000 };

const MEASURES = [
  latency,
  warm,
  warmAtOnce,
  warmModel,
  warmRestart,
  atOnce,
  queued,
  startToReady,
  commandLine,
  message,
];
/** These read /proc. */
const LINUX_MEASURES = [memory, growth, retention, scrape];

/** Takes all measures, one after the other. A measure that fails is reported and stops no other. */
export async function bench(sizes: Sizes): Promise<Report> {
  await using broker = await Mosquitto.start({ config: ["persistence false"] });
  const folder = await Deno.makeTempDir({ prefix: "cloud_node_bench_" });
  const results: (Result | Failure)[] = [];
  try {
    const measures = Deno.build.os === "linux" ? [...MEASURES, ...LINUX_MEASURES] : MEASURES;
    const site = { broker, folder, lock: await lockPackages(folder) };
    for (const measure of measures) {
      results.push(...await resultsOf(measure, site, sizes));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return { machine: describeMachine(), results };
}

async function resultsOf(
  measure: Measure,
  site: Site,
  sizes: Sizes,
): Promise<(Result | Failure)[]> {
  try {
    return await measure.run(site, sizes);
  } catch (error) {
    return [{ name: measure.name, error: error instanceof Error ? error.message : String(error) }];
  }
}
