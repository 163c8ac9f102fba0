/**
 * How busy this machine is.
 *
 * @module
 */
import { cpus } from "node:os";
import { mayAsk } from "../permissions.ts";

/** The load of a machine. Values that Deno's permissions hide are `undefined`. */
export interface MachineLoad {
  /** The fraction of all processors that was busy since the last call, from 0 to 1. */
  readonly cpu: number | undefined;
  readonly memoryUsedBytes: number | undefined;
  readonly memoryTotalBytes: number | undefined;
}

/** Measures the load of this machine between two calls. */
export class LoadMeter {
  #times = processorTimes();

  /** The load since the last call, or since this was made. */
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
