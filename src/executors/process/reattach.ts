/**
 * Looks at what an earlier node left running.
 *
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { CommandRecord } from "../../journal/record.ts";
import type { Logger } from "../../log.ts";
import { WorkloadFolder } from "../../workloads/folder.ts";
import { type Host, startTimes } from "../../os/processes.ts";
import { recover, type Recovery } from "./recovery.ts";

/** Decides what to do about each command that the journal has as running. */
export async function examine(
  records: readonly CommandRecord[],
  workloadsFolder: string,
  host: Host,
  logger: Logger,
): Promise<Map<string, Recovery>> {
  const times = await lookAtAll(records, logger);
  return new Map(records.map((record) => {
    const remembered = { process: record.handle!.process!, stop: record.stop };
    const startTime = times === "unknown" ? times : times.get(remembered.process.pid);
    const exitFile = new WorkloadFolder(`${workloadsFolder}/${record.id}`).exitFile();
    return [record.id, recover(remembered, { bootId: host.bootId, startTime, exitFile })];
  }));
}

async function lookAtAll(
  records: readonly CommandRecord[],
  logger: Logger,
): Promise<Map<number, string> | "unknown"> {
  if (records.length === 0) return new Map();
  try {
    return await startTimes(records.map((record) => record.handle!.process!.pid));
  } catch (error) {
    logger.warn(`Cannot look at processes: ${messageOf(error)}; taking them for alive`);
    return "unknown";
  }
}
