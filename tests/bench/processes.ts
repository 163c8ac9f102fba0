/** The program as a process: until it is ready, and calls of the command line that need no broker. */
import type { Measure } from "./measure.ts";
import { prepareNode, startNode } from "./node.ts";
import { moduleCommand, nodeCommand, Program, runProgram } from "./program.ts";
import { duration, interleaved } from "./sampling.ts";
import type { Site } from "./measure.ts";

/** How often `status` is asked for while a node starts. */
const ASK_EVERY_MS = 2;

/** From the spawn of `start`, on a new state folder, until `status` is answered. */
export const startToReady: Measure = {
  name: "start to ready",
  async run(site, { processes }) {
    const median = await interleaved({
      modules: () => duration(() => runProgram({ command: moduleCommand(site, "./modules.ts") })),
      ready: () => timeToReady(site),
    }, processes);
    return [{
      name: "start to ready (`status` is answered)",
      value: median.ready,
      unit: "ms",
      floor: { value: median.modules, is: "modules" },
      goal: { of: "value", atMost: 300 },
    }];
  },
};

async function timeToReady(site: Site): Promise<number> {
  await using prepared = await prepareNode(site, { inference: "true" });
  const start = performance.now();
  await using program = new Program(prepared.options);
  await Promise.race([prepared.caller.answered(ASK_EVERY_MS), program.failed]);
  return performance.now() - start;
}

/** The calls that need no broker, beside a running node with a few commands behind it. */
export const commandLine: Measure = {
  name: "command line",
  async run(site, { processes }) {
    await using node = await startNode(site, { inference: "echo a line" });
    await node.caller.runMany("inference", 10, 1);
    const lastRequest = `r${node.caller.sent - 1}`;
    const at = ["--config", node.config];
    const call = (...args: string[]) => () =>
      duration(() => runProgram({ command: nodeCommand(site, ...args), env: node.env }));
    const calls = {
      "--help": call("--help"),
      ps: call("ps", ...at),
      logs: call("logs", lastRequest, ...at),
      validate: call("validate", ...at),
    };
    const runtime = () =>
      duration(() => runProgram({ command: moduleCommand(site, "./empty.ts") }));
    const median = await interleaved({ runtime, ...calls }, processes);
    return (Object.keys(calls) as (keyof typeof calls)[]).map((name) => ({
      name: `\`${name}\``,
      value: median[name],
      unit: "ms",
      floor: { value: median.runtime, is: "runtime" },
      goal: { of: "value", atMost: 100 },
    }));
  },
};
