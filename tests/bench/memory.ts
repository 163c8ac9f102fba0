/** Memory, idle and while a workload prints much. */
import { startEcho } from "./floors.ts";
import { type Site, startNode } from "./node.ts";
import type { Result } from "./report.ts";

const IDLE_MS = 5_000;
const SAMPLE_MS = 20;

/** Prints 100 MB in lines of 64 bytes. */
const NOISY = `yes ${"x".repeat(63)} | head -c 100000000`;

/** Measures it, against a program that is only connected to the broker. */
export async function measureMemory(site: Site): Promise<Result[]> {
  if (Deno.build.os !== "linux") return [];
  await using echo = await startEcho(site);
  await using node = await startNode(site, { inference: NOISY });
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const idle = node.program.rss();
  const floor = echo.program.rss();
  let peak = idle;
  const sampling = setInterval(() => peak = Math.max(peak, node.program.rss()), SAMPLE_MS);
  await node.caller.run("inference");
  clearInterval(sampling);
  return [
    { name: "idle memory", value: idle, unit: "MB", floor },
    {
      name: "more memory while 100 MB are printed",
      value: peak - idle,
      unit: "MB",
      goal: { of: "value", atMost: 32 },
    },
  ];
}
