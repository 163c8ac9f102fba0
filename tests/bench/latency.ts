/** From a message to its reply, one after the other. */
import { spawnShell } from "./floors.ts";
import type { Measure } from "./measure.ts";
import { startEcho, startNode } from "./node.ts";
import { duration, interleaved } from "./sampling.ts";

/** `status` beside the echo, and a command beside the echo and a spawn. */
export const latency: Measure = {
  name: "latency",
  async run(site, { latencies }) {
    await using echo = await startEcho(site);
    await using node = await startNode(site, { inference: "true" });
    const median = await interleaved({
      echo: () => duration(() => echo.caller.run("status")),
      spawn: () => duration(spawnShell),
      status: () => duration(() => node.caller.run("status")),
      command: () => duration(() => node.caller.run("inference")),
    }, latencies);
    return [
      {
        name: "`status`, p50",
        value: median.status,
        unit: "ms",
        floor: { value: median.echo, is: "echo" },
        goal: { of: "ratio", atMost: 1.5 },
      },
      {
        name: "a cold command (`true`), p50",
        value: median.command,
        unit: "ms",
        floor: { value: median.echo + median.spawn, is: "echo + spawn" },
        goal: { of: "ratio", atMost: 2.7 },
      },
    ];
  },
};
