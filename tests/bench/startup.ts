/** From the start of the program until it is ready. */
import { type Platform, prepareNode } from "./node.ts";
import { timeToLine } from "./program.ts";
import type { Result } from "./report.ts";
import { interleaved } from "./sampling.ts";

/** Measures it on a fresh state folder, against a program that only loads what the node loads. */
export async function measureStartup(platform: Platform): Promise<Result> {
  const median = await interleaved({
    floor: () => timeToLine({ module: "./empty.ts" }, "ready"),
    node: async () => {
      const { options, folder } = await prepareNode(platform, ["inference: 'true'"]);
      try {
        return await timeToLine(options, "is ready: waiting for commands");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  }, { rounds: 10 });
  return {
    name: "start to ready",
    value: median.node,
    unit: "ms",
    floor: median.floor,
    goal: { of: "value", atMost: 500 },
  };
}
