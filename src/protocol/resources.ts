/**
 * What a command has used of the machine.
 *
 * @module
 */
import { isJsonObject } from "./json.ts";

/**
 * What the processes of a command have used together. What is not known is left out.
 *
 * @example
 * ```ts
 * import type { Resources } from "@cyberwave/cloud-node";
 *
 * const used: Resources = { cpuSeconds: 12.5, peakMemoryBytes: 3 * 1024 ** 3 };
 * console.log(used.cpuSeconds);
 * ```
 */
export interface Resources {
  /** The CPU time, of all cores. */
  readonly cpuSeconds?: number;
  /** The most resident memory that was seen, where each process counts what it shares with others. */
  readonly peakMemoryBytes?: number;
  /** The bytes that were read from storage, not from the cache of the operating system. */
  readonly readBytes?: number;
  /** The bytes that were written to storage. */
  readonly writtenBytes?: number;
}

/** Resources as JSON, as replies and the journal have them. */
export interface ResourcesJson {
  readonly cpu_seconds?: number;
  readonly peak_memory_bytes?: number;
  readonly read_bytes?: number;
  readonly written_bytes?: number;
}

/** Resources as JSON; `undefined`: nothing is known. */
export function resourcesJson(resources: Resources | undefined): ResourcesJson | undefined {
  const { cpuSeconds, peakMemoryBytes, readBytes, writtenBytes } = resources ?? {};
  const json = {
    ...(cpuSeconds !== undefined && { cpu_seconds: Math.round(cpuSeconds * 1000) / 1000 }),
    ...(peakMemoryBytes !== undefined && { peak_memory_bytes: peakMemoryBytes }),
    ...(readBytes !== undefined && { read_bytes: readBytes }),
    ...(writtenBytes !== undefined && { written_bytes: writtenBytes }),
  };
  return Object.keys(json).length === 0 ? undefined : json;
}

/** Reads what `resourcesJson()` has made; members that are no amounts are left out. */
export function readResources(value: unknown): Resources | undefined {
  if (!isJsonObject(value)) return undefined;
  const amount = (name: keyof ResourcesJson) => {
    const number = value[name];
    return typeof number === "number" && number >= 0 ? number : undefined;
  };
  const found = {
    cpuSeconds: amount("cpu_seconds"),
    peakMemoryBytes: amount("peak_memory_bytes"),
    readBytes: amount("read_bytes"),
    writtenBytes: amount("written_bytes"),
  };
  const known = Object.entries(found).filter(([, number]) => number !== undefined);
  return known.length === 0 ? undefined : Object.fromEntries(known);
}
