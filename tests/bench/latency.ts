/** From a command to its reply, one after the other. */
import { forkAndExec, startEcho } from "./floors.ts";
import { type Site, startNode } from "./node.ts";
import type { Result } from "./report.ts";
import { duration, interleaved } from "./sampling.ts";

const SILENT = "true";
const PRINTING = "echo 'a line of output'";

/** A journal is slower during its first commands, while its file still grows. */
const JOURNAL_GROWS = 500;

/** Measures it, for a template that prints nothing and for one that prints. */
export async function measureLatency(site: Site): Promise<Result[]> {
  await using echo = await startEcho(site);
  await using node = await startNode(site, { inference: SILENT, training: PRINTING });
  for (let i = 0; i < JOURNAL_GROWS; i++) await node.caller.run("inference");
  const median = await interleaved({
    roundTrip: () => duration(() => echo.caller.run("inference")),
    silentExec: () => forkAndExec(SILENT),
    silent: () => duration(() => node.caller.run("inference")),
    printingExec: () => forkAndExec(PRINTING),
    printing: () => duration(() => node.caller.run("training")),
  }, 200);
  return [
    { name: "floor: MQTT round trip", value: median.roundTrip, unit: "ms" },
    { name: "floor: fork and exec of bash", value: median.silentExec, unit: "ms" },
    {
      name: "command to reply",
      value: median.silent,
      unit: "ms",
      floor: median.roundTrip + median.silentExec,
      goal: { of: "ratio", atMost: 1.5 },
    },
    {
      name: "command to reply, printing a line",
      value: median.printing,
      unit: "ms",
      floor: median.roundTrip + median.printingExec,
      goal: { of: "ratio", atMost: 1.5 },
    },
  ];
}
