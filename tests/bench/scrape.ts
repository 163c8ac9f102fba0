/** What a scrape of the metrics costs a node. */
import type { Measure } from "./measure.ts";
import { startNode } from "./node.ts";

/**
 * For how long one scrape occupies the thread on which everything happens. At one scrape a second a
 * command is later by no larger part of itself, on average, than that is of a second.
 */
export const scrape: Measure = {
  name: "scrape",
  async run(site, { latencies }) {
    await using node = await startNode(site, { inference: "true", http: "127.0.0.1:0" });
    // Every series that there will be is there after the first commands.
    await node.caller.runMany("inference", 10, 1);
    const state = node.env.CYBERWAVE_EDGE_CONFIG_DIR!;
    const { url } = JSON.parse(await Deno.readTextFile(`${state}/http.json`));
    const scrapes = async (count: number) => {
      for (let left = count; left > 0; left--) {
        const response = await fetch(`${url}/metrics`);
        await response.text();
      }
    };
    await scrapes(Math.ceil(latencies / 10));
    const before = node.program.threadMs();
    await scrapes(latencies);
    return [{
      name: "a scrape of `/metrics`: processor time of the event loop",
      value: (node.program.threadMs() - before) / latencies,
      unit: "ms",
      goal: { of: "value", atMost: 20 },
    }];
  },
};
