/**
 * How busy this machine is.
 *
 * @module
 */
import { cpus } from "node:os";
import { mayAsk } from "../permissions.ts";

/** How busy a machine is. What Deno does not allow to be seen is `undefined`. */
export interface MachineLoad {
  /** Which part of all processors was busy since the last look, from 0 to 1. */
  readonly cpu: number | undefined;
  readonly memoryUsedBytes: number | undefined;
  readonly memoryTotalBytes: number | undefined;
}

/** Looks at this machine, and compares with the last look. */
export class LoadMeter {
  #times = processorTimes();

  /** How busy the machine has been since the last look, or since this was made. */
  read(): MachineLoad {
    const before = this.#times;
    this.#times = processorTimes();
    return { cpu: busyPart(before, this.#times), ...memory() };
  }
}

/** Milliseconds that all processors together have worked and been idle. */
interface ProcessorTimes {
  readonly busy: number;
  readonly idle: number;
}

function processorTimes(): ProcessorTimes | undefined {
  if (!mayAsk("cpus")) return undefined;
  let [busy, idle] = [0, 0];
  for (const { times } of cpus()) {
    idle += times.idle;
    busy += times.user + times.nice + times.sys + times.irq;
  }
  return { busy, idle };
}

/** Pure; `undefined` where there is nothing to compare, or no time has passed. */
export function busyPart(
  before: ProcessorTimes | undefined,
  now: ProcessorTimes | undefined,
): number | undefined {
  if (before === undefined || now === undefined) return undefined;
  // The counters of a processor that was taken out are gone from the sum.
  const busy = Math.max(0, now.busy - before.busy);
  const idle = Math.max(0, now.idle - before.idle);
  return busy + idle === 0 ? undefined : busy / (busy + idle);
}

function memory(): Omit<MachineLoad, "cpu"> {
  if (!mayAsk("systemMemoryInfo")) {
    return { memoryUsedBytes: undefined, memoryTotalBytes: undefined };
  }
  const { total, available } = Deno.systemMemoryInfo();
  return { memoryUsedBytes: total - available, memoryTotalBytes: total };
}
