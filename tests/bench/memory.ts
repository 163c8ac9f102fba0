/** Memory: resident pages, read from /proc. */
import type { Measure } from "./measure.ts";
import { type Responder, startEcho, startNode } from "./node.ts";

const SAMPLE_MS = 20;
const PARALLEL = 4;

/** Idle, and while one command prints a lot. */
export const memory: Measure = {
  name: "memory",
  async run(site, { idleMs, outputBytes }) {
    const print = `yes ${"x".repeat(63)} | head -c ${outputBytes}`;
    await using echo = await startEcho(site);
    await using node = await startNode(site, { inference: print });
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    const [idle, bare] = [node.program.rss(), echo.program.rss()];
    let peak = idle;
    const sampling = setInterval(() => peak = Math.max(peak, node.program.rss()), SAMPLE_MS);
    await node.caller.run("inference").finally(() => clearInterval(sampling));
    return [
      {
        name: "idle memory",
        value: idle,
        unit: "MiB",
        floor: { value: bare, is: "bare client" },
        goal: { of: "value", atMost: 90 },
      },
      {
        name: `more memory while a command prints ${outputBytes / 1e6} MB`,
        value: peak - idle,
        unit: "MiB",
        goal: { of: "value", atMost: 32 },
      },
    ];
  },
};

/**
 * Over many quick commands, four at a time. A runtime's heap first grows to its working size, in a
 * bare client as well: what counts is the growth after that, at the highest of ten looks.
 */
export const growth: Measure = {
  name: "growth",
  async run(site, { commands, settled }) {
    await using echo = await startEcho(site);
    await using node = await startNode(site, { inference: "true", concurrency: PARALLEL });
    const idle = node.program.rss();
    const bare = [await rssAfter(echo, settled)];
    const own = [await rssAfter(node, settled)];
    for (let look = 0; look < 10; look++) {
      bare.push(await rssAfter(echo, (commands - settled) / 10));
      own.push(await rssAfter(node, (commands - settled) / 10));
    }
    return [
      {
        name: `more memory after the first ${settled} commands`,
        value: own[0] - idle,
        unit: "MiB",
      },
      {
        name: `more memory from there to ${commands} commands`,
        value: Math.max(...own) - own[0],
        unit: "MiB",
        floor: { value: Math.max(...bare) - bare[0], is: "bare client" },
        goal: { of: "value", atMost: 30 },
      },
    ];
  },
};

async function rssAfter({ caller, program }: Responder, commands: number): Promise<number> {
  await caller.runMany("inference", commands, PARALLEL);
  return program.rss();
}
