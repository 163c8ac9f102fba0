/** Many commands at once. */
import { forkAndExecMany } from "./floors.ts";
import { type Site, startNode } from "./node.ts";
import type { Result } from "./report.ts";
import { duration, interleaved } from "./sampling.ts";

const TEMPLATE = "true";

/** Measures how many commands a second are answered. */
export async function measureThroughput(site: Site): Promise<Result[]> {
  return [
    await measureBurst(site, { count: 200, concurrency: 1 }),
    await measureBurst(site, { count: 1_000, concurrency: 4 }),
  ];
}

async function measureBurst(
  site: Site,
  { count, concurrency }: { count: number; concurrency: number },
): Promise<Result> {
  await using node = await startNode(site, { inference: TEMPLATE, concurrency });
  const commands = Array.from({ length: count }, () => "inference");
  const median = await interleaved({
    floor: () => forkAndExecMany(TEMPLATE, { count, parallel: concurrency }),
    burst: () => duration(() => Promise.all(commands.map((command) => node.caller.run(command)))),
  }, 5);
  // Replies are in order: behind this one there is no second reply to anything before.
  await node.caller.run("status");
  if (node.caller.unexpected > 0) {
    throw new Error(`${node.caller.unexpected} commands were answered more than once`);
  }
  const perSecond = (ms: number) => count / (ms / 1000);
  return {
    name: `${count} commands at once, concurrency ${concurrency}`,
    value: perSecond(median.burst),
    unit: "/s",
    floor: perSecond(median.floor),
    goal: { of: "ratio", atLeast: 0.6 },
  };
}
