/** Many commands at once. */
import { spawnShell } from "./floors.ts";
import type { Measure } from "./measure.ts";
import { startNode } from "./node.ts";
import { duration, interleaved, longestGap } from "./sampling.ts";

/** Spawns beside which a burst is measured, in each round. */
const SPAWNS = 20;
const CONCURRENCY = 4;

/** As many commands as there are places, beside as many spawns. */
export const atOnce: Measure = {
  name: "at once",
  async run(site, { bursts, atOnce: count }) {
    await using node = await startNode(site, { inference: "true", concurrency: count });
    const median = await interleaved({
      spawn: async () => {
        let sum = 0;
        for (let i = 0; i < SPAWNS; i++) sum += await duration(spawnShell);
        return sum / SPAWNS;
      },
      burst: () => duration(() => node.caller.runMany("inference", count, count)),
    }, bursts);
    return [{
      name: `${count} at once, concurrency ${count}`,
      value: median.burst,
      unit: "ms",
      floor: { value: median.spawn * count, is: "spawn for each" },
      goal: { of: "ratio", atMost: 3 },
    }];
  },
};

/** More commands than there are places: they end one after the other, without a pause. */
export const queued: Measure = {
  name: "queued",
  async run(site, { queued: count }) {
    await using node = await startNode(site, { inference: "true", concurrency: CONCURRENCY });
    await node.caller.runMany("inference", CONCURRENCY, CONCURRENCY);
    const spawns = await longestGap(spawnShell, { count, parallel: CONCURRENCY });
    let gap = 0;
    const total = await duration(async () => {
      gap = await longestGap(() => node.caller.run("inference"), { count, parallel: count });
    });
    return [
      {
        name: `${count} at once, concurrency ${CONCURRENCY}: each`,
        value: total / count,
        unit: "ms",
      },
      {
        name: `${count} at once, concurrency ${CONCURRENCY}: longest time between two ends`,
        value: gap,
        unit: "ms",
        floor: { value: spawns, is: "gap of spawns" },
        goal: { of: "value", atMost: 250 },
      },
    ];
  },
};
