/** From the start of the program until it is ready. */
import { prepareNode, type Site } from "./node.ts";
import { timeToLine } from "./program.ts";
import type { Result } from "./report.ts";
import { interleaved } from "./sampling.ts";

/** Measures it on a fresh state folder, against a program that only loads what the node loads. */
export async function measureStartup(site: Site): Promise<Result> {
  const median = await interleaved({
    floor: () => timeToLine({ module: "./empty.ts" }, "ready"),
    node: async () => {
      await using node = await prepareNode(site, { inference: "true" });
      return await timeToLine(node.options, "is ready: waiting for commands");
    },
  }, 10);
  return {
    name: "start to ready",
    value: median.node,
    unit: "ms",
    floor: median.floor,
    goal: { of: "value", atMost: 500 },
  };
}
