/** How long retention keeps a node from everything else, over very many commands. */
import { setImmediate } from "node:timers";
import { Journal } from "../../src/journal/journal.ts";
import { systemClock } from "../../src/time.ts";
import { applyRetention } from "../../src/workloads/retention.ts";
import { RecordingLogger } from "../support/events.ts";
import { fillJournal } from "../support/journal.ts";
import type { Measure } from "./measure.ts";

const HOUR_MS = 60 * 60 * 1000;

/**
 * The processor time of the longest turn of the event loop while one pass removes all but the latest
 * 1,000. The rest of the machine would be in the time that passes.
 */
export const retention: Measure = {
  name: "retention",
  async run({ folder }, { records }) {
    const own = await Deno.makeTempDir({ dir: folder });
    const parts = { clock: systemClock, logger: new RecordingLogger() };
    Journal.open(own, parts)[Symbol.dispose]();
    fillJournal(own, records, systemClock.now());
    using journal = Journal.open(own, parts);
    let longest = 0;
    let started = processorMs();
    const passed = new AbortController();
    await applyRetention({
      ...parts,
      journal,
      workloadsFolder: await Deno.makeTempDir({ dir: own }),
      limits: {
        maxAgeMs: 168 * HOUR_MS,
        maxCount: { succeeded: 1_000, failed: 10_000 },
        maxBytes: 10e9,
        dedupeMs: HOUR_MS,
      },
      // The pass is over when it waits for the next one.
      clock: { ...systemClock, sleep: () => Promise.reject(passed.abort()) },
      async pause() {
        longest = Math.max(longest, processorMs() - started);
        await new Promise<void>((resolve) => setImmediate(() => resolve()));
        started = processorMs();
      },
    }, passed.signal).catch(() => {});
    return [{
      name: `retention over ${records} commands: processor time of the longest turn`,
      value: longest,
      unit: "ms",
      goal: { of: "value", atMost: 50 },
    }];
  },
};

/** What this thread has computed, in milliseconds. */
function processorMs(): number {
  return Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]) / 1e6;
}
