/**
 * Shows what workloads print in the node's own log, line by line.
 *
 * @module
 */
import { type Clock, isAbort } from "../time.ts";
import type { WorkloadFolder } from "./folder.ts";
import { outputSize, Tail } from "./output.ts";

/** How often there is a look for new output. */
const INTERVAL_MS = 250;

/**
 * Shows lines of a workload's output until `ended` aborts, and then what is left. `onlyNew` leaves
 * out what is there already, which an earlier node has shown.
 */
export async function mirrorOutput(
  folder: WorkloadFolder,
  show: (line: string) => void,
  { clock, ended, onlyNew }: { clock: Clock; ended: AbortSignal; onlyNew: boolean },
): Promise<void> {
  const tails = (["stdout", "stderr"] as const).map((stream) =>
    new Tail(folder, stream, show, onlyNew ? outputSize(folder.outputFile(stream)) : 0)
  );
  try {
    while (!ended.aborted) {
      await clock.sleep(INTERVAL_MS, ended);
      for (const tail of tails) tail.read();
    }
  } catch (error) {
    if (!isAbort(error, ended)) throw error;
  }
  for (const tail of tails) {
    tail.read();
    tail.end();
  }
}
