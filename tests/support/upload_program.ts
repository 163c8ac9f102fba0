/**
 * A process of its own that uploads what is in a folder, as the command `c`, and goes on where an
 * earlier one was killed. Arguments: the platform's URL, the state folder, the results folder.
 * Prints the outcome and the most memory the process ever had, in KiB.
 */
import { putPayload } from "../../src/backend/storage.ts";
import { Journal } from "../../src/journal/journal.ts";
import type { Logger } from "../../src/log.ts";
import { ResultUploads } from "../../src/results/results.ts";
import { systemClock as clock } from "../../src/time.ts";
import { newCommand, SUCCESS } from "./journal.ts";
import { platformAt } from "./results.ts";

const [url, stateFolder, folder] = Deno.args;
const report = (message: string) => console.error(message);
const logger: Logger = { debug: report, info: report, warn: report, error: report };
using journal = Journal.open(stateFolder, { clock, logger });
const store = journal.resultFiles;
const uploads = new ResultUploads({
  store,
  journal,
  api: platformAt(url),
  put: putPayload,
  settings: {
    uploadResults: true,
    resultsFolder: folder,
    results: [],
    uploadWhileRunning: 0,
    stateFolder,
  },
  workloadsFolder: `${stateFolder}/workloads`,
  clock,
  logger,
  // The server recovers at once, so nobody has to wait long.
  random: () => 0.1,
});
const command = { id: "c", workloadUuid: "w-c" };
if (journal.find("c") === undefined) {
  journal.accept(newCommand("c", command));
  const files = await uploads.take(command, { status: "ok" });
  await journal.commit(() => {
    uploads.record("c", files);
    journal.end("c", SUCCESS, [], true);
  });
}
const outcome = await uploads.upload(command, new AbortController().signal);
const [, peak] = /VmHWM:\s*(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"))!;
console.log(JSON.stringify({ outcome, peakKiB: Number(peak) }));
